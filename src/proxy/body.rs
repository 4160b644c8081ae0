//! Request and answer bodies, read whole within bounds of size, time and memory.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// How long a request waits for memory before it is told to come back.
const ADMISSION: Duration = Duration::from_millis(250);
/// Bytes per second that a request body must arrive with on the whole.
const SLOWEST: u64 = 64 * 1024;
/// Bytes that are set aside at once for a body that announces its length.
const MOST_EXPECTED: usize = 1024 * 1024;

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BodyError {
    #[error("request bodies must not be encoded; send the JSON itself, without `content-encoding`")]
    Encoded,
    #[error("request bodies must use no transfer coding but `chunked`")]
    TransferCoding,
    #[error("body is larger than {0} bytes")]
    TooLarge(usize),
    #[error("body did not arrive in time")]
    TooSlow,
    #[error("body ended early")]
    Broken,
    #[error("too many request bodies are being held; try again in a second")]
    Busy,
}

/// The memory that request bodies may take, all callers together.
#[derive(Debug)]
pub struct Buffers {
    free: Arc<Semaphore>,
    largest: usize,
    pause: Duration,
}

/// Memory taken for one body. Given back when it is dropped.
#[derive(Debug)]
pub struct Reserved {
    bytes: OwnedSemaphorePermit,
}

impl Buffers {
    /// `total` bytes in all, `largest` for one body, at most `pause` between two pieces of it.
    pub fn new(total: usize, largest: usize, pause: Duration) -> Self {
        Self { free: Arc::new(Semaphore::new(total.min(Semaphore::MAX_PERMITS))), largest, pause }
    }

    /// Reads a request body. Memory is taken for what has arrived and not for what is announced: an announcement costs
    /// a caller nothing.
    pub async fn read<B>(&self, headers: &HeaderMap, mut body: B) -> Result<(Bytes, Reserved), BodyError>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        check_codings(headers)?;
        let announced = announced_length(headers).unwrap_or_default();
        if announced > self.largest {
            return Err(BodyError::TooLarge(self.largest));
        }
        let mut reserved = self.take(0).await?;
        let mut gathered = Gathered::new(announced);
        let started = Instant::now();
        loop {
            // A body that trickles must not hold memory for ever, however regular its drops are.
            let deadline = started + self.pause + earned(gathered.len());
            let wait = self.pause.min(deadline.saturating_duration_since(Instant::now()));
            let Some(piece) = next_piece(&mut body, wait).await? else { break };
            let length = gathered.len() + piece.len();
            if length > self.largest {
                return Err(BodyError::TooLarge(self.largest));
            }
            if let Some(missing) = length.checked_sub(reserved.bytes.num_permits()).filter(|&more| more > 0) {
                reserved.bytes.merge(self.take(missing).await?.bytes);
            }
            gathered.push(piece);
        }
        Ok((gathered.finish(), reserved))
    }

    /// Sets memory aside for a session, which holds at most `bytes` at any time.
    pub async fn reserve(&self, bytes: usize) -> Result<Reserved, BodyError> {
        self.take(bytes).await
    }

    async fn take(&self, bytes: usize) -> Result<Reserved, BodyError> {
        let bytes = u32::try_from(bytes).map_err(|_| BodyError::Busy)?;
        let reservation = Arc::clone(&self.free).acquire_many_owned(bytes);
        match tokio::time::timeout(ADMISSION, reservation).await {
            Ok(Ok(bytes)) => Ok(Reserved { bytes }),
            Ok(Err(_)) | Err(_) => Err(BodyError::Busy),
        }
    }
}

/// The time that bytes which have arrived buy for those that have not.
fn earned(bytes: usize) -> Duration {
    Duration::from_secs(u64::try_from(bytes).unwrap_or(u64::MAX) / SLOWEST)
}

/// FAIL-CLOSED: a body in a coding we do not read is a body we cannot inspect.
pub fn check_codings(headers: &HeaderMap) -> Result<(), BodyError> {
    let only = |name, allowed: &str| {
        headers
            .get_all(name)
            .iter()
            .all(|value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(allowed.as_bytes()))
    };
    if !only(CONTENT_ENCODING, "identity") {
        return Err(BodyError::Encoded);
    }
    if !only(TRANSFER_ENCODING, "chunked") {
        return Err(BodyError::TransferCoding);
    }
    Ok(())
}

fn announced_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads an answer's body to its end: at most `limit` bytes, at most `pause` between two pieces.
pub async fn collect(mut body: Incoming, limit: usize, pause: Duration) -> Result<Bytes, BodyError> {
    let mut gathered = Gathered::new(0);
    while let Some(piece) = next_piece(&mut body, pause).await? {
        if gathered.len() + piece.len() > limit {
            return Err(BodyError::TooLarge(limit));
        }
        gathered.push(piece);
    }
    Ok(gathered.finish())
}

/// The next bytes of a body, trailers left out; `None` at its end.
async fn next_piece<B>(body: &mut B, wait: Duration) -> Result<Option<Bytes>, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
{
    loop {
        match tokio::time::timeout(wait, body.frame()).await {
            Err(_) => return Err(BodyError::TooSlow),
            Ok(None) => return Ok(None),
            Ok(Some(Err(_))) => return Err(BodyError::Broken),
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// What has arrived of a body. Most bodies come in one piece, which is kept as it is.
#[derive(Debug)]
struct Gathered {
    first: Bytes,
    whole: BytesMut,
    expected: usize,
}

impl Gathered {
    fn new(announced: usize) -> Self {
        Self { first: Bytes::new(), whole: BytesMut::new(), expected: announced.min(MOST_EXPECTED) }
    }

    fn len(&self) -> usize {
        self.first.len() + self.whole.len()
    }

    fn push(&mut self, piece: Bytes) {
        if self.len() == 0 {
            self.first = piece;
            return;
        }
        if !self.first.is_empty() {
            let first = std::mem::take(&mut self.first);
            self.whole.reserve(self.expected.max(first.len() + piece.len()));
            self.whole.extend_from_slice(&first);
        }
        self.whole.extend_from_slice(&piece);
    }

    fn finish(self) -> Bytes {
        if self.whole.is_empty() { self.first } else { self.whole.freeze() }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use http_body::Frame;
    use http_body_util::Full;
    use tokio::time::Interval;

    use super::*;

    const PAUSE: Duration = Duration::from_secs(30);

    /// A body of equal pieces, one every so often.
    struct Drips {
        left: usize,
        piece: Bytes,
        every: Interval,
    }

    impl Drips {
        fn new(pieces: usize, size: usize, every: Duration) -> Self {
            let piece = Bytes::from(vec![b' '; size]);
            Self { left: pieces, piece, every: tokio::time::interval(every) }
        }
    }

    impl Body for Drips {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            if self.left == 0 {
                return Poll::Ready(None);
            }
            if self.every.poll_tick(context).is_pending() {
                return Poll::Pending;
            }
            self.left -= 1;
            Poll::Ready(Some(Ok(Frame::data(self.piece.clone()))))
        }
    }

    fn announcing(length: &str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_LENGTH, HeaderValue::from_str(length).unwrap())])
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_is_given_up() {
        let buffers = Buffers::new(1_000_000, 1_000_000, PAUSE);
        let started = Instant::now();
        let trickle = Drips::new(usize::MAX, 1, Duration::from_secs(1));
        assert_eq!(buffers.read(&HeaderMap::new(), trickle).await.unwrap_err(), BodyError::TooSlow);
        assert!(started.elapsed() < PAUSE * 2, "{:?}", started.elapsed());
        assert_eq!(buffers.free.available_permits(), 1_000_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_line_has_the_time_it_needs() {
        let buffers = Buffers::new(20_000_000, 20_000_000, PAUSE);
        let slow = Drips::new(150, 100_000, Duration::from_secs(1));
        let (body, _memory) = buffers.read(&HeaderMap::new(), slow).await.unwrap();
        assert_eq!(body.len(), 15_000_000);
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_taken_for_what_arrives_and_not_for_what_is_announced() {
        let buffers = Buffers::new(1000, 900, PAUSE);
        let every = tokio::time::interval_at(Instant::now() + PAUSE * 9, PAUSE);
        let headers = announcing("900");
        let silent = buffers.read(&headers, Drips { every, ..Drips::new(1, 1, PAUSE) });
        let full = |size| Full::new(Bytes::from(vec![1; size]));
        let others = async {
            let (body, memory) = buffers.read(&headers, full(900)).await.unwrap();
            assert_eq!((body.len(), buffers.free.available_permits()), (900, 100));
            let second = buffers.read(&HeaderMap::new(), full(101)).await;
            assert_eq!(second.map(drop).unwrap_err(), BodyError::Busy);
            drop(memory);
            assert!(buffers.read(&HeaderMap::new(), full(101)).await.is_ok());
        };
        let (silent, ()) = tokio::join!(silent, others);
        assert_eq!(silent.map(drop).unwrap_err(), BodyError::TooSlow);
        assert_eq!(buffers.free.available_permits(), 1000);
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused_announced_or_not() {
        let buffers = Buffers::new(1000, 10, PAUSE);
        for (headers, size, fits) in
            [(HeaderMap::new(), 10, true), (HeaderMap::new(), 11, false), (announcing("11"), 1, false)]
        {
            let read = buffers.read(&headers, Full::new(vec![1; size].into())).await;
            assert_eq!(read.is_ok(), fits, "{size}");
        }
    }
}
