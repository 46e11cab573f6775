"""What compiling the steps of one scenario needs: its context, and what each step can read and set."""
