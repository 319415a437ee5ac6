//! Index newtypes: what a band above holds is found by its place in a table, never by its name.

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);

        impl $name {
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    )+};
}

id! {
    /// A bind of the snapshot.
    BindId
    /// A listener of a bind.
    ListenerId
    /// A route of the snapshot.
    RouteId
    /// A cluster of the snapshot.
    ClusterId
    /// What asks models in the snapshot.
    LlmId
    /// An API key of the snapshot.
    KeyId
    /// One interned set of metric labels; it stays the same over reloads.
    LabelsId
    /// A worker, counted from 0.
    WorkerId
}

/// By what a connection was accepted. Places in a bind change with a reload, these do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// One listener, by the names of its bind and its own.
    pub listener: u64,
    /// Listeners that verify clients in the same way.
    pub clients: u64,
    /// Listeners that do not differ in TLS at all.
    pub settings: u64,
}
