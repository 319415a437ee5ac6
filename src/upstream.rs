//! Clusters, endpoints, and the connections to them.
