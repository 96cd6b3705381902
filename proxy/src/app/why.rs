//! Which rule answers this URL, and why do the others not?

use crate::app::paint::printable;
use crate::app::{ask_admin, offline, say, settings};
use crate::cli::{Output, Why};
use anyhow::{Context, Result, anyhow, bail};
use config::explain::{self, Explanation};
use config::hostname::RequestHost;
use config::path;
use config::settings::Flags;
use config::snapshot::RequestView;
use http::{HeaderMap, Uri};
use std::net::SocketAddr;
use std::process::ExitCode;

/// `hedgerow why`: exit code 0 whatever the answer; an error is 2: the question could not be answered.
pub fn why(asked: &Why) -> Result<ExitCode> {
    // A wrong question is refused before anybody is asked.
    let question = Question::parse(asked)?;
    if asked.manifests.is_none() && asked.settings.is_none() && asked.admin.is_none() {
        bail!(
            "nothing to look at: name manifests with --manifests DIR, a settings file that does with --settings FILE, \
             or a running edge with --admin ADDR"
        );
    }
    let answer = match asked.admin {
        Some(admin) => online_answer(asked, admin)?,
        None => offline_answer(&question)?,
    };
    say::answer(&answer)?;
    Ok(ExitCode::SUCCESS)
}

/// A request that nobody sent, in normal form.
#[derive(Debug)]
struct Question {
    is_https: bool,
    port: Option<u16>,
    host: String,
    path: String,
    query: Option<String>,
    asked: Why,
    headers: HeaderMap,
}

impl Question {
    fn parse(asked: &Why) -> Result<Question> {
        let url = &asked.url;
        let form = "a URL is http://HOST/PATH or https://HOST/PATH, without spaces";
        let uri: Uri = url
            .split('#')
            .next()
            .unwrap_or_default()
            .parse()
            .map_err(|error| anyhow!("{url:?} is not a URL ({error}); {form}"))?;
        let is_https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => bail!("{url:?} is not a URL of HTTP; {form}"),
        };
        let authority = uri
            .authority()
            .with_context(|| format!("{url:?} names no host; {form}"))?;
        let host = RequestHost::parse(authority.as_str()).map_err(|error| {
            anyhow!("{url:?}: the host {error}; an edge answers 400 (bad-host)")
        })?;
        let path = path::normalise(uri.path()).map_err(|error| {
            anyhow!("{url:?}: the path {error}; an edge answers 400 (bad-path)")
        })?;
        let mut headers = HeaderMap::new();
        for (name, value) in &asked.headers {
            headers.append(name, value.clone());
        }
        Ok(Question {
            is_https,
            port: host.port,
            host: host.host.into_owned(),
            path: path.into_owned(),
            query: uri.query().map(str::to_owned),
            asked: asked.clone(),
            headers,
        })
    }

    fn view(&self) -> RequestView<'_> {
        RequestView {
            is_https: self.is_https,
            port: self.port,
            host: &self.host,
            method: &self.asked.method,
            path: &self.path,
            query: self.query.as_deref(),
            headers: &self.headers,
        }
    }
}

/// Under the settings that `run` would have with the same file and the same manifests.
fn offline_answer(question: &Question) -> Result<String> {
    let asked = &question.asked;
    let flags = Flags {
        manifests: asked.manifests.clone(),
        ..Flags::default()
    };
    let (settings, _) = settings::load(asked.settings.as_deref(), &flags)
        .map_err(|problems| anyhow!(settings::sentences(&problems)))?;
    let compiled = offline::build(&settings)?;
    let explanation = explain::decide(&compiled, &settings, &question.view());
    render(&explanation, asked.output)
}

fn render(explanation: &Explanation, output: Output) -> Result<String> {
    Ok(match output {
        Output::Text => printable(&explanation.to_string()),
        Output::Json => format!("{}\n", serde_json::to_string_pretty(explanation)?),
    })
}

/// A running edge answers in the form that it is asked for.
fn online_answer(asked: &Why, admin: SocketAddr) -> Result<String> {
    let mut target = format!(
        "/why?url={}&method={}",
        ask_admin::encode(&asked.url),
        ask_admin::encode(asked.method.as_str())
    );
    for (name, value) in &asked.headers {
        let value = value.to_str().context("a header's value has no text")?;
        let field = ask_admin::encode(&format!("{name}:{value}"));
        target.push_str(&format!("&header={field}"));
    }
    target.push_str(match asked.output {
        Output::Text => "&output=text",
        Output::Json => "&output=json",
    });
    let (status, body) = ask_admin::get(admin, &target)?;
    if status != 200 {
        bail!(
            "the edge at {admin} answers {status}: {}",
            printable(body.trim())
        );
    }
    Ok(match asked.output {
        Output::Text => printable(&body),
        // In the form that the same question has without an edge.
        Output::Json => {
            let explanation: serde_json::Value = serde_json::from_str(&body)
                .with_context(|| format!("the edge at {admin} answers no JSON"))?;
            format!("{}\n", serde_json::to_string_pretty(&explanation)?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;

    fn asked(url: &str) -> Why {
        Why {
            url: url.to_owned(),
            method: Method::GET,
            headers: Vec::new(),
            manifests: None,
            settings: None,
            admin: None,
            output: Output::Text,
        }
    }

    fn check(url: &str, is_https: bool, host: &str, path: &str) {
        let question = Question::parse(&asked(url)).expect(url);
        let found = (question.is_https, &*question.host, &*question.path);
        assert_eq!(found, (is_https, host, path), "{url}");
    }

    fn check_refused(url: &str, words: &str) {
        let error = Question::parse(&asked(url)).expect_err(url).to_string();
        assert!(error.contains(words), "{url}: {error}");
    }

    #[test]
    fn a_question_is_brought_into_the_form_that_requests_have() {
        check("https://Shop.Test./a/./b?x=1#y", true, "shop.test", "/a/b");
        check("http://[::1]:8080", false, "[::1]", "/");
        check("http://shop.test:8080/%7Ea", false, "shop.test", "/~a");
    }

    #[test]
    fn a_question_that_is_no_request_is_refused_with_the_right_form() {
        check_refused("shop.test/x", "http://HOST/PATH");
        check_refused("ftp://shop.test/", "http://HOST/PATH");
        check_refused("https://shop.test/a b", "without spaces");
        check_refused("https://shop_test..x/", "bad-host");
        check_refused("https://shop.test/../x", "bad-path");
        check_refused("https://user:pw@shop.test/", "userinfo");
    }
}
