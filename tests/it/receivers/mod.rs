//! Telemetry as its receivers read it: moto, Arize Phoenix, VictoriaMetrics, promtool.

mod here;
