use super::*;

/// The size of what a function returns, without calling it.
fn size_of_what<A, B, C, D, E, F>(_: impl Fn(A, B, C, D, E) -> F) -> usize {
    size_of::<F>()
}

/// The same of a function with fewer arguments.
fn size_of_what_else<A, B, C, D, F>(_: impl Fn(A, B, C, D) -> F) -> usize {
    size_of::<F>()
}

/// Ten thousand idle connections hold the first each; the second is there while requests come.
#[test]
fn the_futures_of_a_connection_are_small() {
    let idle = size_of_what(serve);
    assert!(idle <= 1024, "{idle} bytes while it idles");
    let busy = size_of_what_else(requests);
    // Half a kilobyte above what is aimed at: retries, mirrors and coding left their marks.
    assert!(busy <= 4608, "{busy} bytes while it serves");
    println!("serve: {idle} bytes, requests: {busy} bytes");
}
