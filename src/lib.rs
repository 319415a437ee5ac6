//! Ringway: a reverse proxy for Linux, one shared-nothing io_uring worker a core, and an AI gateway
//! for who speaks the format of his provider. What takes a translation is not built yet.
//!
//! This page is the architecture. What the program does for its users is in `README.md`; every
//! configuration key is in `config/reference.yaml`.
//!
//! # Bird's eye view
//!
//! ```text
//!    clients                                             endpoints
//!       |  one SO_REUSEPORT socket                           |
//!       |  for each bind and worker                          |
//!  +----v----------------------- worker 0 -------------------v----+   one thread a core, pinned;
//!  |  accept -> head -> route -> policy -> pool -> head -> body   |   its own ring, buffers,
//!  |  View (snapshot + what this worker adds to it), shard, log   |   connections, pools
//!  +----^-----------------------------------------------+---------+
//!       | bus: Command                      bus: Event  |       ... worker N - 1, the same
//!  +----+-----------------------------------------------v---------+
//!  |  control: configuration in, snapshots out, drain, workers    |   one thread, tokio
//!  |  watched; admin :15000, metrics :15020, readiness :15021     |
//!  +--------------------------------------------------------------+
//!       log writer: one thread that empties the log rings of all workers
//! ```
//!
//! A request is served by one worker from its first byte to its last, and touches nothing that
//! another thread writes. Everything that can be decided before a request comes is decided by
//! control: it parses the configuration, looks names up, compiles tables, steps and labels into one
//! immutable `Snapshot`, opens the sockets, and hands both to the workers. Workers and control
//! exchange letters, a few for each reload or drain and none for a request.
//!
//! # Code map, from the ground up
//!
//! A module may use the bands below its own, never one beside it, never one above. The order is
//! checked by `tests/tidy.rs`, so that a cycle cannot be written down.
//!
//! * `limits`: every bound in the product
//!
//!   Numbers with their unit last, and the relations between them as compile-time assertions.
//!   Refuses to hold anything else.
//!
//! * `base`: plain data and arithmetic
//!
//!   Buffers with room in front, the clock, index newtypes, patterns, the log ring, random numbers.
//!   Refuses I/O, and words of the domain: nothing here knows what a request is.
//!
//! * `config`: what the user wrote, and all that is wrong with it
//!
//!   A text becomes a whole `Config` or every problem of it at once, each with path, line and hint.
//!   Refuses to ignore anything that was written, and to open, resolve or compile.
//!
//! * `proto`: wire formats as pure functions; bytes in, bytes out
//!
//!   HTTP/1.1 heads, framing and chunks, the normal form of paths, the engine of HTTP/2 with HPACK
//!   and the translation of messages, ClientHello, the PROXY protocol, fields of JSON and events of
//!   streams without a tree or a copy. Refuses sockets, clocks,
//!   allocations per message, and whatever two parsers could read in two ways.
//!
//! * `net`: the facade over the runtime: sockets, TLS, lanes, deadlines, doorbells
//!
//!   The one place that names monoio. A `Stream` is a socket, a TLS session over one, or a lane: a
//!   connection in memory. Refuses to drop an operation in flight, and to resolve names.
//!
//! * `telemetry`: recording: metric shards, access records, the process log
//!
//!   Workers write, others read; the page of `/metrics` is made here. Refuses to grow: what does
//!   not fit is counted under an overflow series, or dropped and counted.
//!
//! * `http`: HTTP connections: proto and net joined
//!
//!   A head read within a time, a body moved within bounds, on either side; the drivers of HTTP/2,
//!   which carry a lane for each stream. Refuses to know a route
//!   or a policy, and to hold a body that nobody asked for (`gathered`). Who looks at a model's
//!   answer sees each read as it passes (`watched`).
//!
//! * `route`: where a request goes
//!
//!   `Table::find`: hosts by suffix, paths by a tree, predicates last. Answers with ids, and knows
//!   nothing of what they stand for.
//!
//! * `upstream`: clusters, endpoints, connections to them
//!
//!   `Cluster` is shared and immutable, `Local` is one worker's half of it: pools and turns.
//!   `balance` chooses, `outlier` judges, `Health` and `Board` are what all workers share of an
//!   endpoint and of a cluster: atomics. Refuses to send a request: it says with whom, not what.
//!
//! * `policy`: the steps of one route, compiled
//!
//!   `Pipeline` says what becomes of a head; who encodes the head does it. Refuses to touch bytes,
//!   and costs a route without policies one branch. `expression` walks CEL over `attributes`, which
//!   borrow from the heads; what can be named is `config::expression`'s to say, at load.
//!
//! * `llm`: which models there are, and what is said to and by their providers
//!
//!   `Llm` finds an API by a path and by a model the `plan` of who is asked for it, and who next;
//!   `request` finds both in a body and writes the edits, `answer` reads what an answer used while it
//!   passes, `price` says what that cost, in whole numbers; `prompt` edits the tree of a body, where
//!   policies ask for it. `translate` has what one dialect says in the words of another, and
//!   `translation` an answer on its way through it. `budget` says what may be used, and holds some of
//!   it for who is on his way. Refuses to keep anything of a prompt or an answer behind the exchange,
//!   unless the log is to have it.
//!
//! * `snapshot`: all a worker needs, compiled, immutable, shared
//!
//!   `Snapshot` for all, `View` for one worker. Refuses to know the user's words beyond `compile`.
//!
//! * `proxy`: the life of a request
//!
//!   `handle`, top to bottom. The only place that turns an error into a status (`failure`), and the
//!   only one that records an exchange (`finish`). Owns no state.
//!
//! * `bus`: what control and workers say to each other
//!
//!   `Command` one way, `Event` the other, bounded. Refuses to carry anything per request, and to
//!   let a sender wait.
//!
//! * `worker`: a pinned thread that carries traffic
//!
//!   Accepts, serves, adopts, drains. Refuses to wait for control.
//!
//! * `control`: the thread that does not
//!
//!   One loop that owns the configuration, the listening sockets and the drain. Refuses to wait for
//!   anybody between two messages, and to know what a snapshot means: that is its `Wiring`.
//!
//! * `app`: starts both, joins them
//!
//!   The only place that sees both sides. Does nothing but wiring; beside that it has what the
//!   executable does without being a gateway (`chore`), of which `doctor` looks at the machine.
//!
//! # The life of a request
//!
//! 1. `worker::accept::run`: waits for the socket, accepts a batch; two limits on connections; a
//!    task for each.
//! 2. `worker::connection::serve`: counts the connection; a boxed `requests` while requests come,
//!    no buffer while it idles.
//! 3. `http::server::h1::Connection::arrival`: reads until one head is there (`RequestHead::parse`,
//!    `framing`), within the header timeout.
//! 4. **`proxy::handle`**: an answer, a record, and what becomes of the connection; all below is
//!    called from here.
//! 5. `proxy::find`: whether it is taken on at all (`admission::admit`) and may go on
//!    (`max_forwards`), normal form of the path (`asked::normalise`), listener by host,
//!    `route::Table::find`, and again in the group that a route leads to; else the listener's
//!    steps, and 404.
//! 6. `policy::Pipeline::run`: the steps of the route, then those of the backend: continue,
//!    reply, redirect, refuse; a token of each rate limit, or 429; where a step delays,
//!    `proxy::hold` waits. Where a policy holds bodies, or an expression looks into one or makes one,
//!    the steps stop before the first that needs it until `proxy::gather` has all of it.
//! 7. `proxy::dispatch::to_target`: what the route points to: a weighted choice of clusters, a
//!    reply, or models (`proxy::llm`, below). A mirror of the request begins here
//!    (`proxy::mirror`), as a task of its own.
//! 8. `proxy::forward::forward`: the head as it goes out (`request_head::encode`) with what came of
//!    the body; the loop over 9 to 13.
//! 9. `proxy::choice::Choice::pick`, `upstream::balance::pick`: an endpoint, past those that just
//!    failed; where there is one and nothing to judge it by, it costs one test.
//! 10. `proxy::lease::Lease::reuse`, `open`: an idle connection that is quiet, or a new one
//!     (`net::connect::connect`).
//! 11. `proxy::attempt::run`: head and body out in one send; the rest of a body beside the wait
//!     (`upload`); the first bytes back. Where the route hedges, `proxy::hedge::run`: a second
//!     attempt, as a task of its own, beside one that takes long.
//! 12. `proxy::respond::respond`: interim heads passed on, the final one parsed and written anew
//!     (`response_head`); 101 leaves into `tunnel::run`. A body that is looked into or made anew is
//!     gathered before the head is written.
//! 13. `http::transfer::Transfer::run`: head and first body bytes in one send, then the body as it
//!     comes; `bulk` where it is large.
//!     What came of the attempt goes to `proxy::judge`, and `proxy::replay` says whether another one
//!     follows.
//!     `coded` in its place where the route compresses and the client takes it (`proxy::coding`).
//! 14. `proxy::finish::finish`: counters into the shard, one record into the log ring;
//!     `proxy::after` says whether 3 follows.
//!
//! A request without a body, answered in one segment over pooled connections, costs four
//! operations: a receive and a send on each side. The receive on the upstream side was put on the
//! ring before the request was sent (`net::stream::ArmedRead`).
//!
//! A connection that goes back to its pool does so in 8, before 14: the record does not keep it.
//! With TLS, 2 begins with `worker::connection::tls`: the ClientHello is read, a listener found by
//! its name, hands are shaken, and who the client is by its certificate is kept with the connection
//! (`http::server::h1::Connection::identity`) and all its streams. A stream of HTTP/2 is a request
//! of 3 too: `http::server::h2` writes its head and body as HTTP/1.1 text to a lane, `requests`
//! serves the lane like any connection, and what it writes becomes frames, all of one turn of the
//! loop in one write. Towards an endpoint it is the mirror image: `http::client::h2` offers lanes,
//! and 10 takes them for connections. Where the endpoint chooses between the two
//! (`upstream::cluster::Wish::Either`), 10 knows which it is after the handshake alone, and what
//! was chosen last says no more than how many to open. TCP leaves at 2 into `proxy::tcp`.
//!
//! A failure takes the same way from 5 on: `proxy::reply::failure` in the place of 6 to 13. What
//! is no request at all (400, 408, 431) goes from 3 to `proxy::refuse`.
//!
//! # The life of a request for a model
//!
//! `proxy::llm::ask` takes the place of 7: the end of the path says which API it is
//! (`llm::api::Suffixes`); the body is gathered (`proxy::gather`, as policies have theirs) and
//! scanned once (`llm::request::Asked`); its model says who may be asked (`llm::plan`), and
//! `proxy::llm::tries` asks one candidate after the other, each with its own cluster, path, labels
//! and edits of the body. A try that ends before the caller heard anything may be followed by the
//! next: `proxy::llm::others` says so of a status (12) or a failure (8). What it takes is kept only
//! where somebody else can be asked: a copy of the body; and of a stream nothing goes on before its
//! first token (`http::watched`). Who asks to be left alone (`proto::limit_reset`) is: his ejection
//! (`upstream::outlier`) is known to all workers, and when all are ejected so, the caller is told
//! and nobody is asked. An edited body takes the place of the one that came, and 8 knows nothing of models. In 13 the body passes by `llm::Answer` (`http::watched`): the pipeline of such a route
//! says so where that of another names a coding, so that a plain route is asked nothing new.
//! Framing is taken off and put on again, so that an answer in chunks is read as what it is. What
//! it cost is recorded when it is over, whether it ended well or not (`proxy::llm::record`).
//!
//! Who is asked in the caller's own words, who in others, and in which, is `llm::Provider::way`; what
//! each candidate is told is made by `proxy::llm::told`. Of a dialect that the caller does not speak
//! a whole answer is gathered and written anew (`proxy::translated`), as is an error that is in
//! nobody's words; a stream goes event by event through `llm::Translation`, which `llm::Answer` holds:
//! it takes all that came and lets go what it made of it. One that breaks off ends with an error in
//! the caller's grammar, and then with the connection. A WebSocket is a tunnel whose frames from the
//! provider are looked at (`llm::realtime`).
//!
//! Before anybody is asked `proxy::llm::admit` looks whether the key is for the model, and holds of
//! every budget what the request may use; behind the record it settles what was used. The key was
//! found by a step (`policy::api_key`), which leaves a number of it in the exchange, and the key
//! itself is taken out of the head (`proxy::credential`).
//!
//! What a route does not ask for costs it a branch: policies on prompts read the gathered body into a
//! tree and write another before it is scanned (`proxy::llm::prompt`); limits on tokens take an
//! estimate before it is sent, and mend that behind the answer (`proxy::llm::limits`); prices are
//! looked up when the usage is known (`proxy::llm::cost`), which is before the head of the answer
//! where that has to tell the cost: then an answer that is no stream is gathered.
//!
//! Boxes a request: a future that plain routes do not carry, the body that is held, what is learnt of
//! the answer; what another candidate would need, where there is one; one more where that does not
//! come in one piece with a length, and the text of an edited body. Nothing an event.
//!
//! Errors, also those of policies in front, have the shape that the caller's library reads
//! (`http::reply::Shape`).
//!
//! # The life of a TCP connection
//!
//! On a bind that looks into nothing (`snapshot::tcp::Passage`) a connection leaves the above at 2:
//! `worker::connection::tcp`, `proxy::tcp::handle`: by the name in the ClientHello (`hello`) or by
//! its port a route, a weighted choice of clusters, `proxy::open::any` for an endpoint that does
//! not refuse, and `net::relay::relay` until both ends have closed. The view is let go before that,
//! so that connections of days hold no snapshot. What breaks on one side is reset on the other, and
//! never ended cleanly.
//!
//! Before either life, where the configuration says so, `worker::connection::proxy_header` reads
//! who the client was before a balancer took it. CONNECT (`proxy::connect`) is routed as requests
//! are, and ends in the relay as an upgrade does (`proxy::tunnel`).
//!
//! # The life of a reload
//!
//! A changed file or SIGHUP, `control::load::reload`, `config::parse`, `control::resolve::look_up`
//! and `control::certificate::read` (beside the loop; the files that it reads are watched too),
//! `snapshot::compile::compile` (what did not change is the same `Arc`),
//! `control::listen` (sockets of new binds), `control::publish`: `Command::Prepare` to all. Each
//! worker builds its `View` aside (`worker::adopt::prepare`; a cluster with the same `Arc` keeps
//! its pools) and answers `Prepared`. When all have, `Command::Commit` to all: the next request is
//! served by the new view, requests under way keep theirs. A problem anywhere before the commit
//! changes nothing anywhere: it is logged with its diagnostics, and
//! `agentgateway_config_synchronized` is 0 until a later load succeeds. `publish` keeps an `Arc`
//! of every old snapshot until nobody else has one, so that freeing a big table never falls to a
//! worker.
//!
//! # The life of a name and of a health check
//!
//! Names of backends are looked up on the control thread (`control::resolve`) when a configuration
//! is loaded, and again when their time to live is over. New addresses become a snapshot
//! (`snapshot::refresh`) whose binds, routes and other clusters are the last one's, published like
//! a reload: `upstream::Local` takes the pools, the latencies and the turns of the endpoints that
//! stay. Active checks (`control::health`) write into the `Health` of an endpoint; the next pick of
//! each worker sees by the board's epoch that something changed (`balance::candidates`).
//!
//! # The life of a credential
//!
//! A backend that is shown more than a key has an `upstream::credential::Auth`. What a cloud gives
//! out is fetched by `control::credentials`: `Keeper` has a thread for each, beside the loop, that
//! asks, publishes what came by an atomic swap, and sleeps until shortly before its end. The data path
//! comes to it in 8: `proxy::sign` waits for the first one, gathers the body where it is signed, and
//! puts its lines behind all others of the encoded head, out of which it reads what is signed; again
//! for every attempt. Whoever signs allocates what he signs. A clock of theirs that differs is learnt from the 403 that it causes.
//!
//! # The life of a drain
//!
//! SIGTERM, `control::drain::Drain::begin`: readiness fails, `Command::Drain` to all, and every
//! response says `Connection: close` while connections are still accepted. After `min`: control
//! closes its copies of the sockets, then each worker lets nobody new in (a filter on the socket
//! drops first packets), accepts whoever is on the way or in the queue, and closes its own: to
//! close a socket with connections in its queue would reset them. Exchanges run to their end; an
//! idle connection is left open for one more request, since closing it would race with that
//! request. A worker without connections answers `Drained` and its thread ends. At `max`, counted
//! from the signal, `Command::Cut`: what is left is shut down, and counted where a request was
//! under way. Exit code 0.
//!
//! # The life of a hot restart
//!
//! `ringway upgrade` or SIGUSR2, `control::restart`: the process starts its successor with one end
//! of a conversation (`restart::channel`: JSON messages on SOCK_SEQPACKET, descriptors by
//! SCM_RIGHTS). The successor reads its configuration and takes every listening socket
//! (`control::inherit`, as those that systemd gives), those of control's servers too. Its workers
//! prepare, and it waits: `Publisher` stops between `Prepare` and `Commit`, and sockets that join a
//! group for further workers do not listen yet. Killed here, it has nothing that anybody could
//! miss. At the word of the old process it commits, serves, and says so; then the old one sends
//! `Command::Drain` with `Doors::Left`: the accept loops let go of their sockets without a filter
//! and without a close, since the queue is the other process's, and a drain without `min` follows.
//! With fewer workers than sockets a worker has several doors of one bind; with more, they join
//! the group, or share where they may not. Anything else than `Serving` within the deadline ends
//! the successor and changes nothing. What is not handed over, and begins anew: counters (with
//! another `process_start_time_seconds`, so that `rate()` holds), token buckets, ejections and
//! checks, keys of session tickets, pools.
//!
//! # Where state lives
//!
//! * Connections with their identities, tasks, buffers, pools, what endpoints chose to speak,
//!   cursors, deadlines, clock, random: *one worker*. `Rc`, `Cell`, short `RefCell` borrows, in
//!   `View`, `Local` and `Resources`; not `Send`.
//! * Binds, listeners, routes, pipelines, clusters: *all, read-only*. One `Arc<Snapshot>` of `Arc`
//!   parts; a worker clones the `Rc<View>`, never the `Arc`, per request.
//! * Configuration, versions, sockets, names, certificates as they were read, keys of session
//!   tickets, the drain: *control*. Plain values on one thread.
//! * TLS settings of listeners and clusters: *all, read-only*, in the snapshot; equal ones are one
//!   `Arc`, also over reloads.
//! * Health of endpoints, limits of clusters (`upstream::health`, `upstream::circuit`): *all*.
//!   Atomics in the snapshot, kept over reloads; workers read one epoch a request, and write when an
//!   answer failed or where a limit is configured.
//! * Token buckets of rate limits: *all, by compare-and-swap*, and the one thing that is. A word
//!   for each limit, or for each key of one in a table of fixed size (`base::keyed`), in the
//!   snapshot; a limit that a reload did not change is the same `Arc`. Only routes with a limit
//!   touch it.
//! * What budgets used, and what is held of them (`base::account`): *all, by compare-and-swap*. A word
//!   for each number, with its period in it; found by a name, so that reloads keep it. Routes that
//!   ask models touch it, where there are budgets. A thread of control's adds it up in a store of
//!   redb (`control::ledger`) once a second and at the end: a process that is killed forgets so
//!   much. The store is open for a transaction at a time: a process that takes over has it at the
//!   same time, and both learn what the other used. Without a store that can be written they are
//!   counted in memory, or requests are refused, as `failureMode` says; readiness stays.
//! * Metrics: *one writer each*. A shard of atomics, plain load and store; control reads while it
//!   renders.
//! * Access records: *worker to log writer*. A bounded ring of bytes; full means dropped and
//!   counted.
//! * Credentials that are fetched: *one thread of control writes, all read*, by a pointer that is
//!   swapped (`upstream::credential`); in the snapshot, and the same `Arc` over reloads.
//! * Texts of labels: *control*. Append-only, read by the log writer.
//!
//! * Connections of each source: *all, by compare-and-swap*, once a connection (`base::seats`).
//! * How short memory is (`snapshot::pressure`): *whoever looked last writes, workers read*. Control
//!   looks every 100 ms, a worker as soon as it took a part of what was left, by its own count.
//!
//! Limits that hold for all workers together (connections, requests, buffered bytes) are sums over
//! the shards: approximate by what happens within a turn of the loop or 100 ms, and free.
//!
//! # Architecture invariants
//!
//! Architecture invariant: a request takes no lock, clones no `Arc` and formats nothing; on a warm
//! connection it allocates nothing either, which `tests/allocations.rs` counts. Boxes are for what
//! most requests are not: a body that is still coming, a large one, a tunnel, a read that may have
//! to be called back, a request that is held or mirrored. Expressions allocate what they put
//! together, on the routes that have them. What costs more is done at compile time (`snapshot`), once a second
//! (`worker::tick`) or on another thread (`telemetry::log_writer`).
//!
//! Architecture invariant: a body is held only where a policy asks for it, in full, within its
//! bound, and in the books of the worker's buffers (`http::gathered`). What goes on has the length
//! that it has, and says nothing of the body that it was made of.
//!
//! Architecture invariant: an operation on the ring is finished, never dropped. A dropped read eats
//! the bytes it was about to bring. What has to end early is shut down or cancelled, and awaited;
//! only a poll, which carries no bytes, may be dropped.
//!
//! Architecture invariant: nothing outside `net` names the runtime.
//!
//! Architecture invariant: `proto` does no I/O and never panics on what a peer sent. Its parsers
//! give the same answer whatever the split of the input; tests and fuzz targets hold them to it.
//!
//! Architecture invariant: no byte is ever read as the head of a request while it may belong to the
//! body of the one before. When that cannot be known the connection closes.
//!
//! Architecture invariant: a message that was cut is never ended cleanly. A chunked body lacks its
//! last chunk, one with a length lacks bytes, one that ends by close is reset.
//!
//! Architecture invariant: a request is sent twice only when the endpoint cannot have acted on it,
//! or when doing it twice does no harm: a refused connection, a write that the kernel refused, or
//! an idempotent request on a reused connection that brought not one byte back; or when the user
//! says so (`retry`). Never once a byte of a response went to the client.
//!
//! Architecture invariant: a panic costs one connection. Every task is fenced
//! (`net::runtime::spawn`), because the runtime itself would unwind through the loop and take the
//! worker along.
//!
//! Architecture invariant: every queue, table and wait has a bound in `limits`. What is full says
//! no, and is counted.
//!
//! Architecture invariant: control never waits for a worker, a worker never for control. A mailbox
//! without room gives the letter back.
//!
//! # Departures from the first design
//!
//! What was decided differently once it was built, and why:
//!
//! * **`Exchange` holds no state of policies.** It was to sit below `policy` and carry attributes;
//!   what steps write is `policy::Changes` instead, one for each connection and used again. So
//!   `http` stays ignorant of `policy`, and a route without steps does not look into it.
//! * **Policies do not edit heads.** A head is bytes with marks of where its fields are. A pipeline
//!   says which lines are left out and which are appended, and the encoder does both in its one
//!   copy. There is no map of headers anywhere on the data path.
//! * **Replies are written where they arise** (`proxy::reply`), not returned up the stack as a
//!   response: there is no type for a response with a body, since none is ever held.
//! * **`http::Transfer` is the one way a body moves**, for both directions, instead of a wrapped
//!   stream: one buffer, a read, a write of all that came. **`http::Bulk`** takes over for a large
//!   body of known length: bytes go through a pipe by `splice(2)`, called directly, because the
//!   ring's own splice always goes to a kernel worker thread.
//! * **A stream of a model waits with little** (`http::Watched`): a read of 1.5 KiB instead of one of
//!   20, its request packed to the head alone, and no buffer for a head that went. A read that fills
//!   its buffer gets a larger one. Nothing else pays for that.
//! * **`ArmedRead`**: an upstream connection always has a read on the ring, in a box that is used
//!   again. It spares an operation for each request, and an idle connection in a pool notices by it
//!   that the endpoint closed, or sent bytes that nobody asked for.
//! * **`Sending`**: a small write on the ring is not waited for. It is done by the time its answer
//!   comes; to be woken for it would cost a turn of the loop and tell nothing.
//! * **Parking**: the state of a request lives in a boxed future that is thrown away while the
//!   connection idles, with its buffers. It is done above a number of connections only: a read that
//!   can be called back costs a little on every request.
//! * **`worker::drain::Live`** lists the descriptors of the open connections, so that a cut is a
//!   `shutdown(2)` of each; the tasks notice by themselves. **`worker::accept::Door`** is a
//!   listening socket by the *name* of its bind: reloads move binds about in the snapshot, a door
//!   follows its name and keeps its queue.
//! * **Adopting has two phases.** Either all workers serve a version or none does.
//! * **The lease is `proxy`'s, not `upstream`'s**: closing a connection with an armed read needs a
//!   task, and counting it the shard, and both come with the place of an exchange.
//! * **Deadlines** are ours (`net::deadline`), on one timerfd a worker: the runtime's timers would
//!   add a clock reading and a kernel timer to every turn of the loop.
//!
//! * **Lanes**: HTTP/2 was to have exchanges of its own. Instead a stream is a connection in memory
//!   that speaks HTTP/1.1 to the machinery that is there, as HAProxy's first multiplexer did: what
//!   comes from HTTP/2 is judged again by the strict parser, and every policy, limit, retry and
//!   record holds without a second copy. It costs one more head written and parsed a request, and
//!   two copies of a body in memory.
//! * **TLS is rustls' unbuffered API on our own buffers**, not monoio-rustls: an idle session has no
//!   buffers, and a record is one write.
//!
//! Not here yet, and without a stub: JWT and other authentication than by keys, MCP backends, xDS.
//! `tests/tidy.rs` already knows the band of `mcp`.

pub mod app;
pub mod base;
pub mod bus;
pub mod config;
pub mod control;
pub mod http;
pub mod limits;
pub mod llm;
pub mod net;
pub mod policy;
pub mod proto;
pub mod proxy;
pub mod route;
pub mod snapshot;
pub mod telemetry;
pub mod upstream;
pub mod worker;
