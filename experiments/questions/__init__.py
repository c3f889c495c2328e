"""What people ask of their own pipeline; one folder or file a question, each with a public function."""
