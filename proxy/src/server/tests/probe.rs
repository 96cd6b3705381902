//! Which small proxy stands behind the data path, and tells what it saw?

use crate::connection::{context_of, current_clock};
use async_trait::async_trait;
use bytes::Bytes;
use pingora_core::server::configuration::ServerConf;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_http::ResponseHeader;
use pingora_proxy::{HttpProxy, ProxyHttp, Session, http_proxy};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::Semaphore;

/// What a runtime is started with where nobody waits and nothing is forwarded.
pub fn probe() -> HttpProxy<Probe> {
    Probe {
        origin: None,
        release: Arc::new(Semaphore::new(0)),
    }
    .into_proxy()
}

/// Answers with what it saw: `METHOD path body-bytes client server-name tls-version`.
#[derive(Clone)]
pub struct Probe {
    /// Paths under `/origin` go there.
    pub origin: Option<SocketAddr>,
    /// Requests for `/wait` end one by one as permits come.
    pub release: Arc<Semaphore>,
}

impl Probe {
    pub fn into_proxy(self) -> HttpProxy<Probe> {
        let conf = ServerConf {
            threads: 1,
            max_retries: 1,
            ..ServerConf::default()
        };
        http_proxy(&Arc::new(conf), self)
    }
}

#[async_trait]
impl ProxyHttp for Probe {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn request_filter(
        &self,
        session: &mut Session,
        (): &mut (),
    ) -> pingora_error::Result<bool> {
        let context = Arc::clone(context_of(session.digest()).unwrap());
        context.has_begun.store(true, Ordering::Relaxed);
        let path = session.req_header().uri.path().to_owned();
        match path.as_str() {
            path if path.starts_with("/origin") => {
                // As the gateway does: an interim answer before the body is not the last one.
                session
                    .as_mut()
                    .set_close_on_response_before_downstream_finish(false);
                return Ok(false);
            }
            "/wait" => self.release.acquire().await.unwrap().forget(),
            "/clock" => {
                current_clock().unwrap().arm(Duration::from_millis(20));
                std::future::pending::<()>().await;
            }
            "/closes" => context.closes.store(true, Ordering::Relaxed),
            "/condemned" => context.is_condemned.store(true, Ordering::Relaxed),
            _ => {}
        }
        if path == "/big" {
            return big(session).await;
        }
        let mut body_bytes = 0;
        while let Some(part) = session.as_mut().read_request_body().await? {
            body_bytes += part.len();
        }
        let tls = context.tls.as_ref();
        let text = format!(
            "{} {path} {body_bytes} {} {} {}",
            session.req_header().method,
            context.client.ip(),
            tls.and_then(|tls| tls.server_name.as_deref())
                .unwrap_or("-"),
            tls.map_or("-", |tls| tls.version),
        );
        let mut header = ResponseHeader::build(200, None)?;
        header.insert_header("content-length", text.len())?;
        session
            .write_response_header(Box::new(header), false)
            .await?;
        session
            .write_response_body(Some(Bytes::from(text)), true)
            .await?;
        Ok(true)
    }

    async fn upstream_peer(
        &self,
        _: &mut Session,
        (): &mut (),
    ) -> pingora_error::Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(
            self.origin.unwrap(),
            false,
            String::new(),
        )))
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        (): &mut (),
    ) -> pingora_error::Result<()> {
        if response.status == 101 {
            let context = context_of(session.digest()).unwrap();
            context.is_upgraded.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// More than all buffers between us and a client who does not read.
async fn big(session: &mut Session) -> pingora_error::Result<bool> {
    let part = Bytes::from(vec![b'x'; 1 << 20]);
    let mut header = ResponseHeader::build(200, None)?;
    header.insert_header("content-length", 64 * part.len())?;
    session
        .write_response_header(Box::new(header), false)
        .await?;
    for number in 1..=64 {
        session
            .write_response_body(Some(part.clone()), number == 64)
            .await?;
    }
    Ok(true)
}
