//! What goes back to the caller: a whole body, or pieces as they come.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::bedrock::fault::ErrorShape;

/// Pieces of a stream that may wait for a slow caller before the relay itself waits.
const PIECES: usize = 16;
/// How long a caller may take none of the pieces that wait for it before it counts as gone.
const STALLED: Duration = Duration::from_mins(1);

/// A reply's body.
#[derive(Debug)]
pub struct ReplyBody(Kind);

#[derive(Debug)]
enum Kind {
    Whole(Option<Bytes>),
    Pieces(mpsc::Receiver<Piece>),
}

#[derive(Debug)]
enum Piece {
    Data(Bytes),
    End,
}

/// A streamed body that was given up. FAIL-CLOSED: it ends the connection or the HTTP/2 stream, because a clean end would
/// look like a whole answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the answer was given up before its end")]
pub struct Unfinished;

impl ReplyBody {
    pub fn whole(bytes: Bytes) -> Self {
        Self(Kind::Whole(Some(bytes).filter(|bytes| !bytes.is_empty())))
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Unfinished;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Unfinished>>> {
        match &mut self.get_mut().0 {
            Kind::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Pieces(pieces) => pieces.poll_recv(context).map(|piece| match piece {
                Some(Piece::Data(bytes)) => Some(Ok(Frame::data(bytes))),
                Some(Piece::End) => None,
                None => Some(Err(Unfinished)),
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Kind::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Kind::Pieces(_) => SizeHint::default(),
        }
    }
}

/// The one way to answer an exchange. The caller may be gone; that is reported and changes nothing else.
#[derive(Debug)]
pub struct Downstream {
    reply: oneshot::Sender<Response<ReplyBody>>,
    errors: ErrorShape,
}

impl Downstream {
    /// `errors` is how the caller reads an error.
    pub fn new(errors: ErrorShape) -> (Self, oneshot::Receiver<Response<ReplyBody>>) {
        let (reply, answer) = oneshot::channel();
        (Self { reply, errors }, answer)
    }

    /// How the caller reads an error.
    pub const fn errors(&self) -> ErrorShape {
        self.errors
    }

    /// Whether the caller still waits.
    pub fn is_awaited(&self) -> bool {
        !self.reply.is_closed()
    }

    /// Answers with a whole body. `false` when nobody is waiting any more.
    pub fn answer(self, head: Response<()>, body: Bytes) -> bool {
        self.reply.send(head.map(|()| ReplyBody::whole(body))).is_ok()
    }

    /// Answers with a head whose body follows piece by piece.
    pub fn begin(self, head: Response<()>) -> Pieces {
        let (sender, receiver) = mpsc::channel(PIECES);
        let waiting = self.reply.send(head.map(|()| ReplyBody(Kind::Pieces(receiver)))).is_ok();
        Pieces { sender, waiting }
    }
}

/// The open body of a streamed reply. Dropping it without [`Pieces::finish`] breaks the body off.
#[derive(Debug)]
pub struct Pieces {
    sender: mpsc::Sender<Piece>,
    waiting: bool,
}

impl Pieces {
    /// Whether the caller still reads.
    pub fn is_open(&self) -> bool {
        self.waiting
    }

    /// Passes bytes on, waiting for a slow caller. After the caller has left or stalled, bytes go nowhere.
    pub async fn send(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.pass(Piece::Data(bytes)).await;
        }
    }

    /// Passes the last bytes on and ends the body.
    pub async fn finish(mut self, last: Bytes) {
        self.send(last).await;
        self.pass(Piece::End).await;
    }

    async fn pass(&mut self, piece: Piece) {
        if self.waiting {
            self.waiting = matches!(timeout(STALLED, self.sender.send(piece)).await, Ok(Ok(())));
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn begun() -> (Pieces, ReplyBody) {
        let (downstream, mut reply) = Downstream::new(ErrorShape::Aws);
        let pieces = downstream.begin(Response::new(()));
        (pieces, reply.try_recv().unwrap().into_body())
    }

    async fn read(mut body: ReplyBody) -> Result<Vec<u8>, Unfinished> {
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            bytes.extend(frame?.into_data().unwrap());
        }
        Ok(bytes)
    }

    #[tokio::test]
    async fn a_finished_body_ends_cleanly_and_no_other_does() {
        let (mut pieces, body) = begun();
        pieces.send("a".into()).await;
        pieces.send(Bytes::new()).await;
        pieces.finish("b".into()).await;
        assert_eq!(read(body).await, Ok(b"ab".to_vec()));

        let (mut pieces, body) = begun();
        pieces.send("a".into()).await;
        drop(pieces);
        assert_eq!(read(body).await, Err(Unfinished));
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_takes_nothing_counts_as_gone_and_never_sees_a_clean_end() {
        let (mut pieces, body) = begun();
        for _ in 0..PIECES {
            pieces.send("a".into()).await;
        }
        assert!(pieces.is_open());
        pieces.send("b".into()).await;
        assert!(!pieces.is_open());
        pieces.finish("c".into()).await;
        assert_eq!(read(body).await, Err(Unfinished));
    }
}
