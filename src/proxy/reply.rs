//! What goes back to the caller: a whole body, or pieces as they come.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::{mpsc, oneshot};

/// Pieces of a stream that may wait for a slow caller before the relay itself waits.
const PIECES: usize = 16;

/// A reply's body.
#[derive(Debug)]
pub struct ReplyBody(Kind);

#[derive(Debug)]
enum Kind {
    Whole(Option<Bytes>),
    Pieces(mpsc::Receiver<Bytes>),
}

impl ReplyBody {
    pub fn whole(bytes: Bytes) -> Self {
        Self(Kind::Whole(Some(bytes).filter(|bytes| !bytes.is_empty())))
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match &mut self.get_mut().0 {
            Kind::Whole(bytes) => Poll::Ready(bytes.take()),
            Kind::Pieces(pieces) => pieces.poll_recv(context),
        };
        piece.map(|piece| piece.map(|bytes| Ok(Frame::data(bytes))))
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
}

impl Downstream {
    pub fn new() -> (Self, oneshot::Receiver<Response<ReplyBody>>) {
        let (reply, answer) = oneshot::channel();
        (Self { reply }, answer)
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

/// The open body of a streamed reply. Dropping it ends the body.
#[derive(Debug)]
pub struct Pieces {
    sender: mpsc::Sender<Bytes>,
    waiting: bool,
}

impl Pieces {
    /// Whether the caller still reads.
    pub fn is_open(&self) -> bool {
        self.waiting
    }

    /// Passes bytes on, waiting for a slow caller. After the caller has left, bytes go nowhere.
    pub async fn send(&mut self, bytes: Bytes) {
        if self.waiting && !bytes.is_empty() {
            self.waiting = self.sender.send(bytes).await.is_ok();
        }
    }
}
