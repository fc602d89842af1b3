//! What nobody can bring about from outside: memory that another process has written over.
