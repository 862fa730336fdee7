int Answer(void) { return 1; }
