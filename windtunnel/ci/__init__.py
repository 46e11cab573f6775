"""What GitHub and GitLab understand."""
