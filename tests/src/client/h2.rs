//! How does a story speak HTTP/2?

use super::{Connection, Reply, Request, within};
use ::h2::client::{ResponseFuture, SendRequest};
use ::h2::{RecvStream, SendStream};
use bytes::Bytes;
use std::io;
use tokio::task::JoinHandle;

/// An HTTP/2 connection; requests on it run side by side.
pub struct H2Connection {
    requests: SendRequest<Bytes>,
    /// Ends with the connection; its error is the edge's GOAWAY, if there was one.
    pub driver: JoinHandle<Result<(), ::h2::Error>>,
}

impl H2Connection {
    /// Prior knowledge on a plain connection, ALPN `h2` on a TLS one.
    pub async fn open(connection: Connection) -> io::Result<H2Connection> {
        H2Connection::open_with_window(connection, 65_535).await
    }

    /// The client takes this many bytes of each answer before it has read any (RFC 9113 section 6.9.2).
    pub async fn open_with_window(connection: Connection, bytes: u32) -> io::Result<H2Connection> {
        let mut client = ::h2::client::Builder::new();
        client.initial_window_size(bytes);
        let handshake = client.handshake(connection.stream);
        let (requests, driver) = within(handshake).await?.map_err(io::Error::other)?;
        Ok(H2Connection {
            requests,
            driver: tokio::spawn(driver),
        })
    }

    /// One request with its whole body; the whole answer with its trailers.
    pub async fn send(&self, request: &Request) -> io::Result<Reply> {
        within(async {
            let (answer, mut body) = self.start(request, request.body.is_empty()).await?;
            if !request.body.is_empty() {
                let bytes = Bytes::from(request.body.clone());
                body.send_data(bytes, true).map_err(io::Error::other)?;
            }
            read(answer).await
        })
        .await?
    }

    /// Sends the head. `is_whole`: no body follows; else it is sent on the returned stream.
    pub async fn start(
        &self,
        request: &Request,
        is_whole: bool,
    ) -> io::Result<(ResponseFuture, SendStream<Bytes>)> {
        let scheme = if request.is_https { "https" } else { "http" };
        let mut head = http::Request::builder()
            .method(request.method.as_str())
            .uri(format!("{scheme}://{}{}", request.host, request.target));
        for (name, value) in &request.fields {
            head = head.header(name, value);
        }
        let head = head.body(()).map_err(io::Error::other)?;
        let mut requests = self
            .requests
            .clone()
            .ready()
            .await
            .map_err(io::Error::other)?;
        requests
            .send_request(head, is_whole)
            .map_err(io::Error::other)
    }
}

/// The whole answer.
pub async fn read(answer: ResponseFuture) -> io::Result<Reply> {
    let (mut reply, mut stream) = read_head(answer).await?;
    let mut body = Vec::new();
    while let Some(part) = stream.data().await {
        let part = part.map_err(io::Error::other)?;
        // The window is given back at once: a story wants the whole body.
        let _ = stream.flow_control().release_capacity(part.len());
        body.extend(&part);
    }
    let trailers = stream.trailers().await.map_err(io::Error::other)?;
    reply.body = body.into();
    reply.trailers = trailers.as_ref().map(fields).unwrap_or_default();
    Ok(reply)
}

/// The head, and the stream on which the body comes.
pub async fn read_head(answer: ResponseFuture) -> io::Result<(Reply, RecvStream)> {
    let response = within(answer).await?.map_err(io::Error::other)?;
    let (head, stream) = response.into_parts();
    let reply = Reply {
        status: head.status.as_u16(),
        fields: fields(&head.headers),
        ..Reply::default()
    };
    Ok((reply, stream))
}

fn fields(map: &http::HeaderMap) -> Vec<(String, String)> {
    map.iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect()
}
