//! Which stage runs in which pingora phase?

#[cfg(test)]
mod allocations;
mod attempt;
mod decide;
mod exchange;
mod waits;

use crate::request::RequestCtx;
use crate::response::http10::NoChunksBuilder;
use crate::server::Shared;
use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;
use pingora_core::modules::http::HttpModules;
use pingora_core::protocols::Digest;
use pingora_core::server::configuration::ServerConf;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_error::{Error, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::{FailToProxy, HttpProxy, ProxyHttp, ProxyWarnLogContext, Session};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

/// Idle connections to endpoints that one runtime keeps, over all endpoints; the least recently used is closed first.
const UPSTREAM_POOL_SIZE: usize = 64;
/// A fuse: the engine's loop of attempts ends here whatever happens. We count ourselves; a hold of 30 s makes some 80 attempts.
const ENGINE_ATTEMPTS_MAX: usize = 128;

/// In a box, because the engine hands it from one future to the next inside it, and each of them would have room for all of it.
type Ctx = Box<RequestCtx>;

/// The path of a request. One per runtime; cheap.
#[derive(Debug)]
pub struct Gateway {
    shared: Arc<Shared>,
}

/// The engine around a gateway, for one runtime: a pool of upstream connections that two runtimes share can hang. Reads the platform's
/// certificate authorities. The connection loops set `server_options` and `h2_options`.
pub fn new_proxy(shared: Arc<Shared>) -> HttpProxy<Gateway> {
    let conf = ServerConf {
        threads: 1,
        max_retries: ENGINE_ATTEMPTS_MAX,
        upstream_keepalive_pool_size: UPSTREAM_POOL_SIZE,
        ..ServerConf::default()
    };
    pingora_proxy::http_proxy(&Arc::new(conf), Gateway { shared })
}

#[async_trait]
impl ProxyHttp for Gateway {
    type CTX = Ctx;

    fn new_ctx(&self) -> Ctx {
        Box::new(RequestCtx::new(&self.shared))
    }

    fn init_downstream_modules(&self, modules: &mut HttpModules) {
        modules.add_module(Box::new(NoChunksBuilder));
    }

    async fn early_request_filter(&self, session: &mut Session, ctx: &mut Ctx) -> Result<()> {
        ctx.begin(session);
        exchange::set_client_timeouts(session, ctx);
        Ok(())
    }

    async fn request_filter(&self, session: &mut Session, ctx: &mut Ctx) -> Result<bool> {
        match decide::decide(session, ctx) {
            Ok(()) => Ok(false),
            Err(answer) => exchange::answer(session, ctx, &answer).await,
        }
    }

    async fn upstream_peer(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Box<HttpPeer>> {
        attempt::begin(session, ctx).await
    }

    fn fail_to_connect(
        &self,
        _session: &mut Session,
        _peer: &HttpPeer,
        ctx: &mut Ctx,
        error: Box<Error>,
    ) -> Box<Error> {
        attempt::not_connected(ctx, error)
    }

    async fn connected_to_upstream(
        &self,
        _session: &mut Session,
        _reused: bool,
        _peer: &HttpPeer,
        fd: RawFd,
        _digest: Option<&Digest>,
        ctx: &mut Ctx,
    ) -> Result<()> {
        attempt::connected(ctx, fd);
        Ok(())
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        ctx: &mut Ctx,
    ) -> Result<()> {
        exchange::prepare_request(session, request, ctx)
    }

    async fn request_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        ctx: &mut Ctx,
    ) -> Result<()> {
        exchange::count_request_body(body.as_ref(), ctx)?;
        exchange::end_request_body_once(body, end_of_stream);
        waits::after_request_part(body, end_of_stream, ctx);
        Ok(())
    }

    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut Ctx,
    ) -> Result<()> {
        attempt::response_began(session, response, ctx)
    }

    fn upstream_response_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        ctx: &mut Ctx,
    ) -> Result<Option<Duration>> {
        waits::after_response_part(body, end_of_stream, ctx)?;
        Ok(None)
    }

    fn upstream_response_trailer_filter(
        &self,
        _session: &mut Session,
        _trailers: &mut HeaderMap,
        ctx: &mut Ctx,
    ) -> Result<()> {
        waits::after_response_head(true, ctx)
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut Ctx,
    ) -> Result<()> {
        exchange::prepare_response(session, response, ctx)
    }

    fn response_body_filter(
        &self,
        session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        ctx: &mut Ctx,
    ) -> Result<Option<Duration>> {
        exchange::count_response_body(session, body.as_ref(), end_of_stream, ctx);
        Ok(None)
    }

    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        session: &mut Session,
        error: Box<Error>,
        ctx: &mut Ctx,
        _reused: bool,
    ) -> Box<Error> {
        attempt::failed(session, ctx, error)
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &Error,
        ctx: &mut Ctx,
    ) -> FailToProxy {
        exchange::give_up(session, ctx, error).await
    }

    async fn logging(&self, _session: &mut Session, _error: Option<&Error>, ctx: &mut Ctx) {
        ctx.finish();
    }

    /// The access log and the metrics tell of every request that fails.
    fn suppress_error_log(&self, _session: &Session, _ctx: &Ctx, _error: &Error) -> bool {
        true
    }

    fn suppress_proxy_warn_log(
        &self,
        _session: &Session,
        _ctx: &Ctx,
        _error: &Error,
        _context: ProxyWarnLogContext,
    ) -> bool {
        true
    }
}
