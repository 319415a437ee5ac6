//! The search for the knee: the highest rate that holds an objective.
