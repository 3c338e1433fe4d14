//! Requests to a hub, within its limits.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Instant;

use serde::Deserialize;
use ureq::http::{Response, Uri};
use ureq::typestate::WithoutBody;
use ureq::{Agent, Body, RequestBuilder};

use super::cache::is_plain;
use super::digest::{self, Digest};
use super::{Hub, HubError, Limits, Reference, Token};

/// Bytes of the longest list of a model's files.
const LISTING: u64 = 4 << 20;

/// A connection to a hub.
pub(super) struct Client<'a> {
    hub: &'a Hub,
    /// Scheme and host of the endpoint: where the token may go.
    origin: String,
    agent: Agent,
}

/// What a hub says of a file before it sends it.
pub(super) struct Announced {
    /// Model and file.
    what: String,
    /// Where it can be had.
    url: String,
    /// Its hash.
    pub(super) tag: String,
    pub(super) commit: String,
    /// Bytes.
    size: u64,
}

impl Announced {
    /// Whether a file is this one.
    pub(super) fn is_in(&self, path: &Path) -> bool {
        digest::is_same(path, &self.tag, self.size).unwrap_or(false)
    }

    fn download(&self, source: impl Into<ureq::Error>) -> HubError {
        download_failed(&self.what, source)
    }

    fn distrusted(&self, reason: String) -> HubError {
        HubError::Answer { what: self.what.clone(), reason }
    }
}

fn download_failed(what: &str, source: impl Into<ureq::Error>) -> HubError {
    HubError::Download { what: what.to_owned(), source: Box::new(source.into()) }
}

/// A model, as the hub describes it.
#[derive(Deserialize)]
struct Model {
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
}

impl<'a> Client<'a> {
    pub(super) fn new(hub: &'a Hub) -> Result<Self, HubError> {
        let uri: Option<Uri> = hub.endpoint.parse().ok();
        let origin = uri.and_then(|uri| Some(format!("{}://{}", uri.scheme_str()?, uri.authority()?)));
        let origin = origin.ok_or_else(|| HubError::Endpoint { endpoint: hub.endpoint.clone() })?;
        let Limits { wait, redirects, .. } = hub.limits;
        // The token is never part of a request that was redirected: this is the default of `redirect_auth_headers`.
        let config = Agent::config_builder()
            .user_agent(concat!("regnet/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .max_redirects(redirects)
            .timeout_resolve(Some(wait))
            .timeout_connect(Some(wait))
            .timeout_send_request(Some(wait))
            .timeout_recv_response(Some(wait))
            .timeout_per_read(Some(wait))
            .build();
        Ok(Self { hub, origin, agent: config.new_agent() })
    }

    /// What the hub says of a file.
    pub(super) fn announced(&self, reference: &Reference, file: &str) -> Result<Announced, HubError> {
        let what = format!("{reference}/{file}");
        let distrusted = |reason| HubError::Answer { what: what.clone(), reason };
        let Reference { model, revision, .. } = reference;
        let mut url = format!("{}/{model}/resolve/{revision}/{file}", self.endpoint());
        for _ in 0..=self.hub.limits.redirects {
            // The hub itself leads from a model's old name to its new one; where content lies elsewhere, its answer
            // already says all that is asked for.
            let request = self.authorised(self.agent.head(&url)).config().max_redirects(0).build();
            let response = request.call().map_err(|error| self.explain(reference, file, error))?;
            match within_host(&response) {
                Some(path) => url = format!("{}{path}", self.origin),
                None => {
                    let announced = parse(&response, &what, url).map_err(distrusted)?;
                    let Limits { largest, .. } = self.hub.limits;
                    if announced.size > largest {
                        return Err(distrusted(format!(
                            "it announces {} bytes, and {largest} is the limit",
                            announced.size
                        )));
                    }
                    return Ok(announced);
                }
            }
        }
        Err(distrusted(format!("it redirects more than {} times", self.hub.limits.redirects)))
    }

    /// Writes a file that was announced, as long as it comes as announced.
    pub(super) fn receive(&self, announced: &Announced, file: &mut File) -> Result<(), HubError> {
        let size = announced.size;
        let request = self.authorised(self.agent.get(&announced.url));
        let response = request.call().map_err(|error| announced.download(error))?;
        if let Some(coding) = header(&response, "content-encoding").filter(|coding| *coding != "identity") {
            return Err(announced.distrusted(format!("it sends the file as {}, unasked", brief(coding))));
        }
        if let Some(length) = response.body().content_length().filter(|&length| length != size) {
            return Err(announced.distrusted(format!("it announced {size} bytes and now sends {length}")));
        }
        let mut digest = Digest::of(&announced.tag, size);
        let mut body = response.into_body().into_reader();
        let mut buffer = vec![0; 1 << 16];
        let (started, mut received) = (Instant::now(), 0);
        loop {
            let read = match body.read(&mut buffer).map_err(|error| announced.download(error))? {
                0 => break,
                read => &buffer[..read],
            };
            received += read.len() as u64;
            if received > size {
                return Err(
                    announced.distrusted(format!("it sends more than the {size} bytes that it announced"))
                );
            }
            self.check_speed(announced, received, started)?;
            digest.update(read);
            file.write_all(read).map_err(|error| announced.download(error))?;
        }
        let changed = |expected, found| HubError::Changed { what: announced.what.clone(), expected, found };
        if received < size {
            return Err(changed(format!("{size} bytes"), format!("{received} bytes")));
        }
        match digest.finish() {
            Some((kind, found)) if !found.eq_ignore_ascii_case(&announced.tag) => {
                Err(changed(format!("{kind} {}", announced.tag), format!("{kind} {found}")))
            }
            _ => Ok(()),
        }
    }

    fn check_speed(&self, announced: &Announced, received: u64, started: Instant) -> Result<(), HubError> {
        let Limits { wait, slowest, .. } = self.hub.limits;
        let elapsed = started.elapsed();
        if elapsed > wait && (received as f64) < slowest as f64 * elapsed.as_secs_f64() {
            return Err(HubError::TooSlow {
                what: announced.what.clone(),
                received,
                seconds: elapsed.as_secs_f64(),
                slowest,
            });
        }
        Ok(())
    }

    /// Why there is no answer about a file.
    fn explain(&self, reference: &Reference, file: &str, error: ureq::Error) -> HubError {
        let what = format!("{reference}/{file}");
        if !is_refused(&error) {
            return download_failed(&what, error);
        }
        match self.files(reference) {
            Ok(files) => HubError::NoFile { reference: reference.to_string(), file: file.to_owned(), files },
            Err(error) if is_refused(&error) => {
                HubError::NoModel { reference: reference.to_string(), endpoint: self.hub.endpoint.clone() }
            }
            Err(error) => download_failed(&what, error),
        }
    }

    /// The names of a model's files.
    fn files(&self, Reference { model, revision, .. }: &Reference) -> Result<Vec<String>, ureq::Error> {
        let url = format!("{}/api/models/{model}/revision/{revision}", self.endpoint());
        let request = self.authorised(self.agent.get(&url));
        let request = request.config().timeout_recv_body(Some(self.hub.limits.wait)).build();
        let text = request.call()?.into_body().into_with_config().limit(LISTING).read_to_vec()?;
        let model: Model = serde_json::from_slice(&text).map_err(std::io::Error::other)?;
        Ok(model.siblings.into_iter().map(|sibling| sibling.rfilename).collect())
    }

    fn endpoint(&self) -> &str {
        self.hub.endpoint.trim_end_matches('/')
    }

    /// A request to the endpoint's host, which may know the user.
    fn authorised(&self, request: RequestBuilder<WithoutBody>) -> RequestBuilder<WithoutBody> {
        match &self.hub.token {
            Some(Token(token)) => request.header("Authorization", format!("Bearer {token}")),
            None => request,
        }
    }
}

/// Where a redirect leads that stays on its host.
fn within_host(response: &Response<Body>) -> Option<&str> {
    let location = header(response, "location").filter(|_| response.status().is_redirection())?;
    (location.starts_with('/') && !location.starts_with("//")).then_some(location)
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// Reads an answer about a file; where the content lies elsewhere, the headers `x-linked-*` are about it.
fn parse(response: &Response<Body>, what: &str, url: String) -> Result<Announced, String> {
    let header = |name| header(response, name);
    let own = |name| header(name).filter(|_| !response.status().is_redirection());
    let tag = header("x-linked-etag").or_else(|| header("etag")).unwrap_or_default();
    let tag = tag.trim_start_matches("W/").trim_matches('"');
    let commit = header("x-repo-commit").unwrap_or_default();
    // Both become parts of paths.
    if ![tag, commit].into_iter().all(is_plain) {
        return Err(format!("its hashes are {} and {}", brief(tag), brief(commit)));
    }
    let size = header("x-linked-size").or_else(|| own("content-length"));
    let size = size.and_then(|size| size.parse().ok()).ok_or("it does not say the file's length")?;
    Ok(Announced { what: what.to_owned(), url, tag: tag.to_owned(), commit: commit.to_owned(), size })
}

/// What a server said, fit for a message.
fn brief(text: &str) -> String {
    format!("{:?}", text.chars().take(100).collect::<String>())
}

/// Not there, or not for everybody; of models that are not there the hub says the latter.
fn is_refused(error: &ureq::Error) -> bool {
    matches!(error, ureq::Error::StatusCode(401 | 403 | 404))
}
