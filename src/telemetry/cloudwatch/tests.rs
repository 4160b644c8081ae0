//! Receivers that refuse, stall, fail and come back. Every socket is on loopback.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use aws_credential_types::Credentials;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use super::fixture::{config, served};
use super::outbox::INTERVALS;
use super::*;
use crate::bedrock::operation::Operation;
use crate::config::EmfOutput;
use crate::telemetry::{JournalVitals, Vitals};

const MODEL: &str = "amazon.nova-lite-v1:0";
/// What the double of the API answers: a status and an error's code. Nothing at all stalls.
type Reply = Option<(u16, &'static str)>;

/// A double of the CloudWatch API: answers every call the same way, until it is told otherwise.
struct Api {
    address: SocketAddr,
    reply: Arc<Mutex<Reply>>,
    calls: Arc<AtomicUsize>,
    called: Arc<Notify>,
}

impl Api {
    async fn start(tasks: &TaskTracker, reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let api = Self {
            address,
            reply: Arc::new(Mutex::new(reply)),
            calls: Arc::default(),
            called: Arc::default(),
        };
        let (reply, calls, called) =
            (Arc::clone(&api.reply), Arc::clone(&api.calls), Arc::clone(&api.called));
        tasks.spawn(async move {
            let mut stalled = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let reply = *reply.lock().unwrap();
                let Some((status, code)) = reply else {
                    stalled.push(stream);
                    continue;
                };
                if read_call(&mut stream).await {
                    calls.fetch_add(1, Ordering::SeqCst);
                    stream.write_all(&answer(status, code)).await.unwrap();
                    called.notify_one();
                }
            }
        });
        api
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

fn client(config: &config::CloudWatch, address: SocketAddr) -> Way {
    let endpoint = Some(format!("http://{address}"));
    Way::PutMetricData(PutMetricData::new(config, "us-east-1", endpoint, credentials()))
}

/// An exporter that calls the API at `address`.
fn calling(address: SocketAddr, interval: Duration) -> Arc<CloudWatch> {
    let config = config::CloudWatch { interval, ..config(CloudWatchWay::PutMetricData { endpoint: None }) };
    let way = client(&config, address);
    Arc::new(CloudWatch::by(&config, way, Arc::default(), Vec::new()))
}

const OK: Reply = Some((200, ""));
const MINUTE: Duration = Duration::from_mins(1);

async fn read_call(stream: &mut TcpStream) -> bool {
    let mut reader = BufReader::new(stream);
    let (mut length, mut signed, mut line) = (0, false, String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line).await.unwrap_or(0) == 0 {
            return false;
        }
        let lower = line.trim().to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        signed |= lower.starts_with("authorization: aws4-hmac-sha256 credential=akiaexample/");
        if lower.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await.unwrap();
    assert!(signed && length > 0);
    true
}

/// An answer of the protocol: a CBOR map, with the error's type in it if there is one.
fn answer(status: u16, code: &str) -> Vec<u8> {
    let mut body = vec![0xa0 + u8::from(!code.is_empty())];
    if !code.is_empty() {
        body.push(0x66);
        body.extend(b"__type");
        body.extend([0x78, u8::try_from(code.len()).unwrap()]);
        body.extend(code.as_bytes());
    }
    let head = format!(
        "HTTP/1.1 {status} Said\r\nsmithy-protocol: rpc-v2-cbor\r\ncontent-type: application/cbor\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat()
}

fn credentials() -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Credentials::new("AKIAEXAMPLE", "secret", None, None, "test"))
}

/// Records one exchange and ends its interval.
async fn interval(exporter: &CloudWatch) {
    exporter.record(&served(MODEL, "payments", Operation::ConverseStream));
    let mut flush = exporter.flush.lock().await;
    exporter.end_interval(&mut flush);
}

/// Delivers for `most`.
async fn deliver(exporter: &CloudWatch, most: Duration) {
    let mut flush = exporter.flush.lock().await;
    flush.outbox.deliver(Instant::now() + most, &CancellationToken::new()).await;
}

async fn waiting(exporter: &CloudWatch) -> usize {
    exporter.flush.lock().await.outbox.waiting()
}

/// Data of one interval with one served stream.
const DATA: usize = 16;

#[tokio::test]
async fn what_waited_while_nobody_listened_is_sent_when_somebody_does() {
    let tasks = TaskTracker::new();
    let reserved = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = reserved.local_addr().unwrap();
    drop(reserved);
    let exporter = calling(address, MINUTE);
    for _ in 0..INTERVALS + 5 {
        interval(&exporter).await;
        deliver(&exporter, Duration::ZERO).await;
    }
    let health = exporter.health();
    assert_eq!(waiting(&exporter).await, INTERVALS * DATA, "memory is bounded");
    assert_eq!(health.dropped_points(), (5 * DATA) as u64, "and what it costs is counted");
    assert_eq!(health.sent_batches(), 0);
    assert_eq!(health.failed_batches(), (INTERVALS + 5) as u64);

    let api = Api::start(&tasks, OK).await;
    let way = client(&config(CloudWatchWay::PutMetricData { endpoint: None }), api.address);
    exporter.flush.lock().await.outbox.replace(way);
    deliver(&exporter, Duration::from_secs(30)).await;
    assert_eq!((waiting(&exporter).await, api.calls()), (0, INTERVALS));
    assert_eq!(health.sent_batches(), INTERVALS as u64);
    assert_eq!(health.dropped_points(), (5 * DATA) as u64);
}

#[tokio::test]
async fn a_failing_receiver_is_asked_again_and_gets_everything_once() {
    let tasks = TaskTracker::new();
    let api = Api::start(&tasks, Some((500, "InternalServiceFault"))).await;
    let exporter = calling(api.address, MINUTE);
    interval(&exporter).await;
    let recover = async {
        while api.calls() < 2 {
            api.called.notified().await;
        }
        *api.reply.lock().unwrap() = OK;
    };
    tokio::join!(deliver(&exporter, MINUTE), recover);
    assert_eq!(waiting(&exporter).await, 0);
    assert_eq!(exporter.health().sent_batches(), 1);
    assert!(exporter.health().failed_batches() >= 2);
    assert_eq!(exporter.health().dropped_points(), 0);
}

#[tokio::test]
async fn a_receiver_that_refuses_is_asked_once_an_interval_and_one_that_complains_loses_the_batch() {
    let tasks = TaskTracker::new();
    for (status, code, left, dropped) in [
        (403, "AccessDeniedException", DATA, 0),
        (400, "com.amazonaws.cloudwatch#AccessDeniedException", DATA, 0),
        (400, "ExpiredTokenException", DATA, 0),
        (400, "UnrecognizedClientException", DATA, 0),
        (404, "", DATA, 0),
        (400, "com.amazonaws.cloudwatch#InvalidParameterValueException", 0, DATA),
        (413, "", 0, DATA),
    ] {
        let api = Api::start(&tasks, Some((status, code))).await;
        let exporter = calling(api.address, MINUTE);
        interval(&exporter).await;
        deliver(&exporter, MINUTE).await;
        assert_eq!(api.calls(), 1, "{status} {code}");
        assert_eq!(waiting(&exporter).await, left, "{status} {code}");
        assert_eq!(exporter.health().dropped_points(), dropped as u64, "{status} {code}");
    }
}

#[tokio::test]
async fn throttling_is_worth_another_attempt_whatever_its_status() {
    let tasks = TaskTracker::new();
    for (status, code) in [(429, ""), (400, "ThrottlingException"), (400, "Throttling"), (503, "")] {
        let api = Api::start(&tasks, Some((status, code))).await;
        let exporter = calling(api.address, MINUTE);
        interval(&exporter).await;
        let recover = async {
            api.called.notified().await;
            *api.reply.lock().unwrap() = OK;
        };
        tokio::join!(deliver(&exporter, MINUTE), recover);
        assert_eq!((waiting(&exporter).await, exporter.health().sent_batches()), (0, 1), "{status} {code}");
    }
}

#[tokio::test(start_paused = true)]
async fn recording_goes_on_while_a_call_stalls_and_the_end_is_bounded() {
    let tasks = TaskTracker::new();
    let api = Api::start(&tasks, None).await;
    let exporter = calling(api.address, MINUTE);
    interval(&exporter).await;
    let started = Instant::now();
    let stalled = tasks.spawn({
        let exporter = Arc::clone(&exporter);
        async move { deliver(&exporter, Duration::from_hours(1)).await }
    });
    while exporter.flush.try_lock().is_ok() {
        tokio::task::yield_now().await;
    }
    // The flush is busy, and nobody has to know.
    for _ in 0..1_000 {
        exporter.record(&served(MODEL, "payments", Operation::Converse));
    }
    assert!(exporter.flush.try_lock().is_err());
    stalled.abort();
    assert!(stalled.await.unwrap_err().is_cancelled());
    let began = Instant::now();
    exporter.close().await;
    assert!(began.elapsed() <= CLOSING + Duration::from_millis(10), "{:?}", began.elapsed());
    assert!(started.elapsed() < Duration::from_mins(1));
    assert_eq!(exporter.health().sent_batches(), 0);
}

#[tokio::test]
async fn an_interval_is_sent_when_it_is_over_and_the_rest_at_the_end() {
    let tasks = TaskTracker::new();
    let api = Api::start(&tasks, OK).await;
    let exporter = calling(api.address, Duration::from_secs(1));
    let vitals = VitalsSource::new(|| {
        let journal = JournalVitals { lost: 3, unshipped: 7, ..JournalVitals::default() };
        Some(Vitals { journal, ..Vitals::default() })
    });
    let stop = CancellationToken::new();
    let running = tasks.spawn(Arc::clone(&exporter).run(vitals, stop.clone()));
    exporter.record(&served(MODEL, "payments", Operation::Converse));
    tokio::time::timeout(Duration::from_secs(20), api.called.notified()).await.unwrap();
    stop.cancel();
    running.await.unwrap();
    let before = api.calls();
    exporter.record(&served(MODEL, "payments", Operation::Converse));
    exporter.close().await;
    assert_eq!(api.calls(), before + 1);
    assert_eq!(exporter.health().failed_batches(), 0);
    assert!(exporter.flush.lock().await.vitals.is_none(), "the process's parts are let go of");
}

#[tokio::test]
async fn losses_are_told_as_what_was_lost_since_the_last_time() {
    let other = Arc::new(ExporterHealth::default());
    other.dropped(5);
    let config = config(CloudWatchWay::PutMetricData { endpoint: None });
    let exporter = CloudWatch::new(&config, "us-east-1", credentials(), vec![Arc::clone(&other)]).unwrap();
    let mut flush = exporter.flush.lock().await;
    assert!(flush.gauges().is_none(), "nothing is known yet");
    let lost = Arc::new(AtomicUsize::new(3));
    let told = Arc::clone(&lost);
    flush.vitals = Some(VitalsSource::new(move || {
        let journal = JournalVitals {
            lag: Duration::from_micros(1_500),
            lost: told.load(Ordering::SeqCst) as u64,
            unshipped: 7,
            ..JournalVitals::default()
        };
        Some(Vitals { journal, ..Vitals::default() })
    }));
    let mut gauges = || flush.gauges().unwrap().map(|(metric, value)| (metric.name, value));
    let names = ["JournalLag", "JournalLostRecords", "UnshippedRecords", "TelemetryDropped"];
    let with = |values: [f64; 4]| std::array::from_fn::<_, 4, _>(|at| (names[at], values[at]));
    assert_eq!(gauges(), with([1.5, 3.0, 7.0, 5.0]));
    assert_eq!(gauges(), with([1.5, 0.0, 7.0, 0.0]));
    lost.store(4, Ordering::SeqCst);
    other.dropped(2);
    assert_eq!(gauges(), with([1.5, 1.0, 7.0, 2.0]));
}

fn agent(address: SocketAddr) -> Arc<CloudWatch> {
    let config = config(CloudWatchWay::EmbeddedMetricFormat(EmfOutput::Agent(address)));
    Arc::new(CloudWatch::new(&config, "us-east-1", credentials(), Vec::new()).unwrap())
}

async fn read_lines(listener: &TcpListener, count: usize) -> Vec<String> {
    let (stream, _) = listener.accept().await.unwrap();
    let mut lines = BufReader::new(stream).lines();
    let mut read = Vec::new();
    while read.len() < count {
        read.push(lines.next_line().await.unwrap().unwrap());
    }
    read
}

#[tokio::test]
async fn the_agent_gets_whole_lines_also_after_it_was_restarted() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let exporter = agent(listener.local_addr().unwrap());
    assert_eq!(exporter.exporter(), "emf");
    // Deployment, team and model.
    for _ in 0..2 {
        interval(&exporter).await;
        let (lines, ()) = tokio::join!(read_lines(&listener, 3), deliver(&exporter, Duration::from_secs(30)));
        for line in lines {
            let document: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!(document["_aws"]["LogGroupName"], "/bedrock-warden/prod");
            assert_eq!(document["Deployment"], "prod");
        }
        // `read_lines` has let go of the connection: the next interval needs another one.
    }
    assert_eq!((exporter.health().sent_batches(), exporter.health().dropped_points()), (6, 0));
}

#[tokio::test]
async fn an_agent_that_is_away_costs_a_bounded_amount() {
    let reserved = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = reserved.local_addr().unwrap();
    drop(reserved);
    let exporter = agent(address);
    for _ in 0..INTERVALS + 3 {
        interval(&exporter).await;
        deliver(&exporter, Duration::ZERO).await;
    }
    assert_eq!(waiting(&exporter).await, INTERVALS * DATA);
    assert_eq!(exporter.health().dropped_points(), (3 * DATA) as u64);
}

/// A reader of stdout that reads only when it is told to.
struct Reluctant {
    reads: mpsc::Receiver<()>,
    lines: mpsc::Sender<Vec<u8>>,
}

impl Write for Reluctant {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.reads.recv().map_err(|_| std::io::ErrorKind::BrokenPipe)?;
        self.lines.send(bytes.to_vec()).unwrap();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn stdout(writer: Reluctant) -> CloudWatch {
    let config = config(CloudWatchWay::EmbeddedMetricFormat(EmfOutput::Stdout));
    let health = Arc::new(ExporterHealth::default());
    let open = || Stdout::of(writer, Arc::clone(&health));
    let way = Embedded::new(&config, EmfOutput::Stdout, open).unwrap();
    CloudWatch::by(&config, Way::Embedded(way), health, Vec::new())
}

#[tokio::test]
async fn a_line_is_one_write_and_the_end_waits_for_the_last_one() {
    let ((reading, reads), (lines, written)) = (mpsc::channel(), mpsc::channel());
    let exporter = stdout(Reluctant { reads, lines });
    exporter.record(&served(MODEL, "payments", Operation::Converse));
    (0..3).for_each(|_| reading.send(()).unwrap());
    exporter.close().await;
    let written: Vec<_> = written.try_iter().collect();
    assert_eq!(written.len(), 3, "deployment, team and model");
    for line in written {
        assert!(line.split(|byte| *byte == b'\n').count() == 2 && line.ends_with(b"}\n"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_stalls_holds_up_neither_requests_nor_the_end() {
    let ((reading, reads), (lines, _written)) = (mpsc::channel(), mpsc::channel());
    let exporter = stdout(Reluctant { reads, lines });
    for _ in 0..200 {
        interval(&exporter).await;
        deliver(&exporter, Duration::ZERO).await;
    }
    let kept = waiting(&exporter).await;
    assert!(kept > 0 && kept <= INTERVALS * DATA, "the queue of lines is full, and so is the outbox: {kept}");
    assert!(exporter.health().dropped_points() > 0);
    let began = Instant::now();
    exporter.close().await;
    assert!(began.elapsed() <= CLOSING + Duration::from_millis(10));
    drop(reading);
}

#[tokio::test]
async fn a_reader_that_is_gone_is_counted() {
    let ((reading, reads), (lines, _written)) = (mpsc::channel(), mpsc::channel());
    let exporter = stdout(Reluctant { reads, lines });
    drop(reading);
    interval(&exporter).await;
    deliver(&exporter, Duration::ZERO).await;
    exporter.close().await;
    assert!(exporter.health().failed_batches() > 0);
    assert_eq!(
        exporter.health().dropped_points(),
        DATA as u64,
        "the first line, those behind it, those still waiting"
    );
}
