"""What all figures share, and the page that shows them."""
