//! Whole requests against counts: what is admitted, what is given back, what is kept.
