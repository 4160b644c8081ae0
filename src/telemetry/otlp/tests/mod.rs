//! Spans and metrics as processors and exporters see them.
