//! The thread that carries no traffic: sources in, snapshots out, workers watched.
