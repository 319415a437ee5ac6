//! Recording only: deciding and exporting are elsewhere.
