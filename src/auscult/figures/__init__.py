"""Styles, marks, captions and files shared by all figures, and the page that shows them."""
