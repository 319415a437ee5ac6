//! One operation on whatever is below a stream.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pub(super) enum Choice<P, S, L> {
    Plain(P),
    Secure(S),
    Lane(L),
}

impl<T, P, S, L> Future for Choice<P, S, L>
where
    P: Future<Output = T>,
    S: Future<Output = T>,
    L: Future<Output = T>,
{
    type Output = T;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // SAFETY: the one that is there is pinned with `self`: it is polled in place, and never
        // moved out of it.
        unsafe {
            match self.get_unchecked_mut() {
                Self::Plain(plain) => Pin::new_unchecked(plain).poll(context),
                Self::Secure(secure) => Pin::new_unchecked(secure).poll(context),
                Self::Lane(lane) => Pin::new_unchecked(lane).poll(context),
            }
        }
    }
}
