/** The Tenon media engine. */
module io.tenon {
  exports io.tenon;
}
