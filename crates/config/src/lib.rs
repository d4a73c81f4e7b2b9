//! Resource kinds and the pure compile step from resources to a snapshot.
