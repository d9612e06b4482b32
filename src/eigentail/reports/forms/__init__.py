"""Page -> text, one file per form. To add a form, add a file that offers a `Form` as `FORM`."""
