"""The five services. They never import each other; they share the contracts and stand on the chassis."""
