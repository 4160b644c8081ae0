//! What becomes of spans when a receiver is slow or away.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver as Signals, SyncSender, sync_channel};

use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::*;

/// An exporter that says when it is asked, waits until it may go on, and fails while it is told to.
#[derive(Debug)]
struct Slow {
    asked: SyncSender<usize>,
    go: Mutex<Signals<()>>,
    fails: Arc<AtomicBool>,
}

impl SpanExporter for Slow {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.asked.send(batch.len()).unwrap();
        self.go.lock().unwrap().recv().unwrap();
        if self.fails.load(Ordering::Relaxed) {
            return Err(OTelSdkError::InternalFailure("away".to_owned()));
        }
        Ok(())
    }
}

struct Queue {
    telemetry: Arc<Telemetry>,
    health: Arc<ExporterHealth>,
    asked: Signals<usize>,
    go: SyncSender<()>,
    fails: Arc<AtomicBool>,
}

impl Queue {
    /// A queue of four spans that are sent two at a time.
    fn new() -> Self {
        let (asked_sender, asked) = sync_channel(16);
        let (go, go_receiver) = sync_channel(16);
        let (fails, health) = (Arc::new(AtomicBool::new(false)), Arc::new(ExporterHealth::default()));
        let exporter = Slow { asked: asked_sender, go: Mutex::new(go_receiver), fails: Arc::clone(&fails) };
        let waiting = Arc::default();
        let delivery = Delivery::new("traces", Arc::clone(&health));
        let counted = CountedSpans { exporter, delivery, waiting: Arc::clone(&waiting) };
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(4)
            .with_max_export_batch_size(2)
            .with_scheduled_delay(Duration::from_hours(1))
            .build();
        let inner = BatchSpanProcessor::new(counted, batches);
        let queue = BoundedQueue { inner, capacity: 4, waiting, health: Arc::clone(&health) };
        let provider = SdkTracerProvider::builder().with_span_processor(queue).build();
        let traces = Traces::new(provider, Servers::of(&upstream()), Arc::clone(&health));
        let telemetry = Telemetry::new(None, Otlp { traces, instruments: None }, None);
        Self { telemetry: Arc::new(telemetry), health, asked, go, fails }
    }

    fn exchanges(&self, count: usize) {
        for _ in 0..count {
            drop(open(&self.telemetry, &HeaderMap::new()));
        }
    }
}

#[test]
fn a_stalled_receiver_costs_spans_that_are_counted_and_no_waiting() {
    let queue = Queue::new();
    queue.exchanges(2);
    assert_eq!(queue.asked.recv().unwrap(), 2, "the first batch is on its way and stays there");
    queue.exchanges(10);
    assert_eq!(queue.health.dropped_points(), 6, "four wait, the others are gone");
    for _ in 0..8 {
        queue.go.send(()).unwrap();
    }
    queue.telemetry.otlp.traces.closing().unwrap().shutdown().unwrap();
    assert_eq!(queue.asked.iter().take(2).sum::<usize>(), 4, "what waited is sent");
    assert_eq!((queue.health.sent_batches(), queue.health.failed_batches()), (3, 0));
}

#[test]
fn a_failing_receiver_is_counted_batch_by_batch() {
    let queue = Queue::new();
    queue.fails.store(true, Ordering::Relaxed);
    queue.go.send(()).unwrap();
    queue.exchanges(2);
    assert_eq!(queue.asked.recv().unwrap(), 2);
    queue.go.send(()).unwrap();
    queue.exchanges(2);
    assert_eq!(queue.asked.recv().unwrap(), 2);
    queue.telemetry.otlp.traces.closing().unwrap().shutdown().unwrap();
    let health = &queue.health;
    assert_eq!((health.sent_batches(), health.failed_batches(), health.dropped_points()), (0, 2, 4));
}

#[test]
fn what_is_let_go_of_without_an_end_does_not_wait() {
    let queue = Queue::new();
    queue.exchanges(2);
    assert_eq!(queue.asked.recv().unwrap(), 2, "the batch is on its way and stays there");
    let begun = clock::instant();
    drop(queue.telemetry);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_refuses_does_not_hold_up_the_end() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let receiver = |path: &str| config::Receiver {
        url: format!("http://{gone}{path}"),
        timeout: Duration::from_secs(2),
        gzip: false,
    };
    let settings = config::Otlp {
        service_name: "test".to_owned(),
        traces: Some(receiver("/v1/traces")),
        sampler: config::Sampler { follow_parent: true, share: 1.0 },
        batches: config::Batches { queue: 16, size: 4, delay: Duration::from_hours(1) },
        metrics: Some(receiver("/v1/metrics")),
        interval: Duration::from_hours(1),
    };
    let telemetry = Arc::new(Telemetry::new(None, Otlp::start(&settings, &upstream()).unwrap(), None));
    drop(open(&telemetry, &HeaderMap::new()));
    let begun = clock::instant();
    telemetry.close().await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let traces = telemetry.otlp.traces.health().unwrap();
    let metrics = telemetry.otlp.instruments.as_ref().unwrap().health();
    assert_eq!((traces.failed_batches(), traces.dropped_points()), (1, 1));
    assert_eq!(metrics.failed_batches(), 1);
}
