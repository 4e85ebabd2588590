// Java: proxies whose memory the Cleaner frees, text as UTF-16, java.time, java.nio.file, Optional and List.
%include <enums.swg>
%javaconst(1);

%{
#include "java.hpp"
%}

%pragma(java) jniclassclassmodifiers="final class"
%pragma(java) jniclasscode=%{
  static { NativeLoader.load(); }

  private TenonJNI() {}
%}
%pragma(java) moduleclassmodifiers="/** What belongs to no object. */\npublic final class"
%pragma(java) modulecode=%{
  private Tenon() {}
%}

%rename("%(lowercamelcase)s", %$isfunction) "";
%rename("%(lowercamelcase)s", %$isvariable) "";
%rename("%(uppercase)s", %$isenumitem) "";

%exception %{
  try {
    $action
  } catch (const tenon::Error& error) {  // caught as what it is: raise() has to throw it once more to learn that
    tenon_java::throw_error(jenv, error);
    return $null;
  } catch (...) {
    tenon_java::raise(jenv);
    return $null;
  }
%}

// ---- proxies of values ----
// A field that is a struct is a view into the value it belongs to, and keeps that one alive.
%typemap(javabody) SWIGTYPE %{
  private final long swigCPtr;
  private final Object owner;

  $javaclassname(long pointer, Object owner) {
    swigCPtr = pointer;
    this.owner = owner;
    if (owner == null) Native.free(this, pointer, $imclassname::delete_$javaclassname);
  }

  static long getCPtr($javaclassname of) {
    return of == null ? 0 : of.swigCPtr;
  }
%}
%typemap(javaconstruct) SWIGTYPE { this($imcall, null); }
%typemap(javadestruct) SWIGTYPE ""
%typemap(javadestruct_derived) SWIGTYPE ""
%typemap(javafinalize) SWIGTYPE ""
%typemap(javaout) SWIGTYPE { return new $&javaclassname($jnicall, null); }
%typemap(javaout) const SWIGTYPE &, SWIGTYPE & { return new $javaclassname($jnicall, this); }
%typemap(javaout) SWIGTYPE * { return new $javaclassname($jnicall, this); }
%typemap(out) SWIGTYPE %{ $result = tenon_java::copied(jenv, static_cast<const $1_type&>($1)); %}

%typemap(check) SWIGTYPE *self %{
  if (!$1) {
    tenon_java::closed(jenv);
    return $null;
  }
%}

// ---- enums ----
%typemap(javabody) enum SWIGTYPE %{
  private static final $javaclassname[] ITEMS = values();

  private final int number;

  $javaclassname(int number) {
    this.number = number;
  }

  /**
   * The number that is stored and sent.
   *
   * @return it
   */
  public int number() {
    return number;
  }

  /**
   * The item that has a number.
   *
   * @param number as {@link #number()} gives it
   * @return the item
   */
  public static $javaclassname of(int number) {
    for ($javaclassname each : ITEMS) if (each.number == number) return each;
    throw new IllegalArgumentException("no $javaclassname has the number " + number);
  }
%}
%typemap(javain) enum SWIGTYPE "$javainput.number()"
%typemap(javaout) enum SWIGTYPE { return $javaclassname.of($jnicall); }

// What goes out of a function by value and out of a field by reference: CODE sees it as `given`.
%define TENON_OUT(T, CODE)
%typemap(out) T %{ {
    const T& given = $1;
    CODE;
  } %}
%typemap(out) const T& %{ {
    const T& given = *$1;
    CODE;
  } %}
%enddef

// ---- text and paths ----
%typemap(jni) std::string, const std::string& "jstring"
%typemap(jtype) std::string, const std::string& "String"
%typemap(jstype) std::string, const std::string& "String"
%typemap(javain) std::string, const std::string& "$javainput"
%typemap(javaout) std::string, const std::string& { return $jnicall; }
%typemap(in) std::string %{ if (!tenon_java::text(jenv, $input, $1)) return $null; %}
%typemap(in) const std::string& (std::string held) %{ if (!tenon_java::text(jenv, $input, held)) return $null;
  $1 = &held; %}
%typemap(out) std::string %{ $result = tenon_java::text(jenv, $1); %}
%typemap(out) const std::string& %{ $result = tenon_java::text(jenv, *$1); %}
%typemap(typecheck) std::string, const std::string& ""

%typemap(jni) std::filesystem::path, const std::filesystem::path& "jbyteArray"
%typemap(jtype) std::filesystem::path, const std::filesystem::path& "byte[]"
%typemap(jstype) std::filesystem::path, const std::filesystem::path& "java.nio.file.Path"
%typemap(javain) std::filesystem::path, const std::filesystem::path& "Native.bytes($javainput)"
%typemap(javaout) std::filesystem::path, const std::filesystem::path& { return Native.path($jnicall); }
%typemap(in) const std::filesystem::path& (std::filesystem::path held) %{ if (!tenon_java::path(jenv, $input, held)) return $null;
  $1 = &held; %}
%typemap(out) std::filesystem::path %{ $result = tenon_java::path(jenv, $1); %}
%typemap(out) const std::filesystem::path& %{ $result = tenon_java::path(jenv, *$1); %}

// ---- bytes ----
%typemap(jni) tenon::Buffer, const tenon::Buffer& "jbyteArray"
%typemap(jtype) tenon::Buffer, const tenon::Buffer& "byte[]"
%typemap(jstype) tenon::Buffer, const tenon::Buffer& "byte[]"
%typemap(javain) tenon::Buffer, const tenon::Buffer& "$javainput"
%typemap(javaout) tenon::Buffer, const tenon::Buffer& { return $jnicall; }
%typemap(in) const tenon::Buffer& (tenon::Buffer held) %{ if (!tenon_java::bytes(jenv, $input, held)) return $null;
  $1 = &held; %}
TENON_OUT(tenon::Buffer, $result = tenon_java::bytes(jenv, given))

// ---- time ----
%define TENON_COUNT(T, JAVA, TO, FROM, MAKE)
%typemap(jni) T, const T& "jlong"
%typemap(jtype) T, const T& "long"
%typemap(jstype) T, const T& "JAVA"
%typemap(javain) T, const T& "TO($javainput)"
%typemap(javaout) T, const T& { return FROM($jnicall); }
%typemap(in) T %{ $1 = MAKE; %}
%typemap(in) const T& ($*1_ltype held) %{ held = MAKE;
  $1 = &held; %}
%enddef
TENON_COUNT(tenon::Duration, java.time.Duration, Native.micros, Native.duration, tenon::Duration($input))
TENON_COUNT(tenon::Time, java.time.Instant, Native.micros, Native.instant, tenon::Time(tenon::Duration($input)))
%typemap(out) tenon::Duration %{ $result = $1.count(); %}
%typemap(out) const tenon::Duration& %{ $result = $1->count(); %}
%typemap(out) tenon::Time %{ $result = $1.time_since_epoch().count(); %}
%typemap(out) const tenon::Time& %{ $result = $1->time_since_epoch().count(); %}

// ---- what may be missing: Optional. The proxies' setters take null too: see java.py ----
%define TENON_BOXED(T, BOX, JAVA, TO, FROM)
%typemap(jni) std::optional<T>, const std::optional<T>& "jobject"
%typemap(jtype) std::optional<T>, const std::optional<T>& "BOX"
%typemap(jstype) std::optional<T>, const std::optional<T>& "java.util.Optional<JAVA>"
%typemap(javain) const std::optional<T>& "TO"
%typemap(javaout) std::optional<T>, const std::optional<T>& { return java.util.Optional.ofNullable($jnicall)FROM; }
%enddef
%define TENON_OPTIONAL_NUMBER(T, BOX)
TENON_BOXED(T, BOX, BOX, $javainput.orElse(null), )
%typemap(in) const std::optional<T>& (std::optional<T> held) %{ tenon_java::unboxed(jenv, $input, held);
  $1 = &held; %}
TENON_OUT(std::optional<T>, $result = tenon_java::boxed(jenv, given))
%enddef
#define TENON_OPTIONAL_BOOL TENON_OPTIONAL_NUMBER(bool, Boolean)
#define TENON_OPTIONAL_DOUBLE TENON_OPTIONAL_NUMBER(double, Double)
#define TENON_OPTIONAL_INT TENON_OPTIONAL_NUMBER(std::int32_t, Integer)
#define TENON_OPTIONAL_LONG TENON_OPTIONAL_NUMBER(std::int64_t, Long)

%define TENON_OPTIONAL_COUNTED(T, JAVA, TO, FROM, MAKE, COUNT)
TENON_BOXED(T, Long, JAVA, TO, .map(FROM))
%typemap(in) const std::optional<T>& (std::optional<T> held) %{ {
    std::optional<std::int64_t> count;
    tenon_java::unboxed(jenv, $input, count);
    if (count) held = MAKE;
  }
  $1 = &held; %}
TENON_OUT(std::optional<T>, $result = tenon_java::boxed(jenv, given ? std::optional<std::int64_t>(COUNT) : std::nullopt))
%enddef
%define TENON_OPTIONAL_TIME
TENON_OPTIONAL_COUNTED(tenon::Time, java.time.Instant, $javainput.map(Native::micros).orElse(null), Native::instant,
                       tenon::Time(tenon::Duration(*count)), given->time_since_epoch().count())
%enddef
%define TENON_OPTIONAL_DURATION
TENON_OPTIONAL_COUNTED(tenon::Duration, java.time.Duration, $javainput.map(Native::micros).orElse(null), Native::duration,
                       tenon::Duration(*count), given->count())
%enddef
%define TENON_OPTIONAL_ENUM(T, NAME)
TENON_OPTIONAL_COUNTED(T, NAME, $javainput.map(item -> (long) item.number()).orElse(null),
                       number -> NAME.of(number.intValue()), static_cast<T>(*count), static_cast<std::int64_t>(*given))
%enddef

%define TENON_OPTIONAL_TEXT
TENON_BOXED(std::string, String, String, $javainput.orElse(null), )
%typemap(in) const std::optional<std::string>& (std::optional<std::string> held) %{
  if ($input && !tenon_java::text(jenv, static_cast<jstring>($input), held.emplace())) return $null;
  $1 = &held; %}
TENON_OUT(std::optional<std::string>, $result = given ? tenon_java::text(jenv, *given) : nullptr)
%enddef

%define TENON_OPTIONAL_PROXY(T, NAME, MAKE)
%typemap(jni) std::optional<T>, const std::optional<T>& "jlong"
%typemap(jtype) std::optional<T>, const std::optional<T>& "long"
%typemap(jstype) std::optional<T>, const std::optional<T>& "java.util.Optional<NAME>"
%typemap(javain, post="      java.lang.ref.Reference.reachabilityFence($javainput);") const std::optional<T>&
  "NAME.getCPtr($javainput.orElse(null))"
%typemap(in) const std::optional<T>& (std::optional<T> held) %{ if ($input) held = *tenon_java::value_at<T>($input);
  $1 = &held; %}
TENON_OUT(std::optional<T>, $result = tenon_java::copied(jenv, given))
%typemap(javaout) std::optional<T>, const std::optional<T>& {
    long pointer = $jnicall;
    return pointer == 0 ? java.util.Optional.empty() : java.util.Optional.of(new NAME(pointer, MAKE));
  }
%enddef
#define TENON_OPTIONAL_VALUE(T, NAME) TENON_OPTIONAL_PROXY(T, NAME, null)
#define TENON_OPTIONAL_HANDLE(T, NAME) TENON_OPTIONAL_PROXY(T, NAME, loop)

// ---- lists: copies that cannot be changed out, any list in ----
%define TENON_LIST(T, BOX, JNI, JTYPE)
%typemap(jni) std::vector<T>, const std::vector<T>& "JNI"
%typemap(jtype) std::vector<T>, const std::vector<T>& "JTYPE"
%typemap(jstype) std::vector<T>, const std::vector<T>& "java.util.List<BOX>"
%enddef

%define TENON_VECTOR_VALUE(T, NAME)
TENON_LIST(T, NAME, jlongArray, long[])
%typemap(javain, pre="    java.util.List<NAME> held$javainput = java.util.List.copyOf($javainput);",
         post="      java.lang.ref.Reference.reachabilityFence(held$javainput);")
  const std::vector<T>& "Native.pointers(held$javainput, NAME::getCPtr)"
%typemap(in) const std::vector<T>& (std::vector<T> held) %{ if (!tenon_java::values(jenv, $input, held)) return $null;
  $1 = &held; %}
TENON_OUT(std::vector<T>, $result = tenon_java::addresses(jenv, given))
%typemap(javaout) std::vector<T>, const std::vector<T>& {
    return Native.list($jnicall, pointer -> new NAME(pointer, null));
  }
%enddef

%define TENON_VECTOR_OBJECTS(T, BOX, JTYPE, KIND, TO, FROM)
TENON_LIST(T, BOX, jobjectArray, JTYPE)
%typemap(javain) const std::vector<T>& "TO($javainput)"
%typemap(javaout) std::vector<T>, const std::vector<T>& { return FROM($jnicall); }
%typemap(in) const std::vector<T>& (std::vector<T> held) %{ if (!tenon_java::objects(jenv, $input, held)) return $null;
  $1 = &held; %}
TENON_OUT(std::vector<T>, $result = tenon_java::objects(jenv, tenon_java::known.KIND, given))
%enddef
%define TENON_VECTOR_TEXT
TENON_VECTOR_OBJECTS(std::string, String, String[], text, Native.texts, java.util.List.of)
%enddef
%define TENON_VECTOR_PATH
TENON_VECTOR_OBJECTS(std::filesystem::path, java.nio.file.Path, byte[][], bytes, Native.bytes, Native.paths)
%enddef

%define TENON_VECTOR_DOUBLE
TENON_LIST(double, Double, jdoubleArray, double[])
%typemap(javain) const std::vector<double>& "Native.doubles($javainput)"
%typemap(javaout) std::vector<double>, const std::vector<double>& { return Native.list($jnicall); }
%typemap(in) const std::vector<double>& (std::vector<double> held) %{ if (!tenon_java::numbers(jenv, $input, held)) return $null;
  $1 = &held; %}
TENON_OUT(std::vector<double>, $result = tenon_java::numbers(jenv, given))
%enddef

%define TENON_VECTOR_COUNTED(T, BOX, TO, FROM, MAKE, COUNT)
TENON_LIST(T, BOX, jlongArray, long[])
%typemap(javain) const std::vector<T>& "Native.longs($javainput, TO)"
%typemap(javaout) std::vector<T>, const std::vector<T>& { return Native.list($jnicall, FROM); }
%typemap(in) const std::vector<T>& (std::vector<T> held) %{
  if (!tenon_java::counts(jenv, $input, held, [](jlong count) { return MAKE; })) return $null;
  $1 = &held; %}
TENON_OUT(std::vector<T>, $result = tenon_java::counts(jenv, given, [](const T& given) { return static_cast<jlong>(COUNT); }))
%enddef
%define TENON_VECTOR_LONG
TENON_VECTOR_COUNTED(std::int64_t, Long, Long::longValue, Long::valueOf, count, given)
%enddef
%define TENON_VECTOR_INT
TENON_VECTOR_COUNTED(std::int32_t, Integer, Integer::longValue, Math::toIntExact, static_cast<std::int32_t>(count), given)
%enddef
%define TENON_VECTOR_TIME
TENON_VECTOR_COUNTED(tenon::Time, java.time.Instant, Native::micros, Native::instant, tenon::Time(tenon::Duration(count)),
                     given.time_since_epoch().count())
%enddef
%define TENON_VECTOR_DURATION
TENON_VECTOR_COUNTED(tenon::Duration, java.time.Duration, Native::micros, Native::duration, tenon::Duration(count), given.count())
%enddef
%define TENON_VECTOR_ENUM(T, NAME)
TENON_VECTOR_COUNTED(T, NAME, NAME::number, number -> NAME.of((int) number), static_cast<T>(count), given)
%enddef

// ---- ids ----
%define TENON_ID_TYPE(NAME)
%typemap(javainterfaces) tenon::NAME "Comparable<NAME>"
%enddef

// ---- handles: they know the loop that their engine's futures run on ----
%define TENON_PROXY_OF_HANDLE(T, NAME, FREED)
%typemap(javabase) T "Handle"
%typemap(javabody) T %{
  private final long swigCPtr;

  NAME(long pointer, Loop loop) {
    super(loop);
    swigCPtr = pointer;
    FREED(this, pointer, TenonJNI::delete_##NAME);
  }

  static long getCPtr(NAME of) {
    return of == null ? 0 : of.swigCPtr;
  }
%}
%typemap(javaout) T { return new NAME($jnicall, loop); }
%enddef
%define TENON_HANDLE(T, NAME)
TENON_PROXY_OF_HANDLE(T, NAME, Native.free)
%enddef
%define TENON_CLOSABLE(T, NAME)
TENON_HANDLE(T, NAME)
%typemap(javainterfaces) T "AutoCloseable"
%enddef

// A job is freed as what it is: its C++ classes have no virtual destructor.
%define TENON_BASE_JOB
%typemap(javabase) tenon::Job "Handle"
%typemap(javabody) tenon::Job %{
  private final long swigCPtr;

  Job(long pointer, Loop loop) {
    this(pointer, loop, true);
  }

  Job(long pointer, Loop loop, boolean free) {
    super(loop);
    swigCPtr = pointer;
    if (free) Native.free(this, pointer, TenonJNI::delete_Job);
  }

  static long getCPtr(Job of) {
    return of == null ? 0 : of.swigCPtr;
  }

  /**
   * The job's end as a future: it completes when the job has succeeded, and fails with the {@link TenonException} that ended
   * the job. Cancelling the future cancels the job. What depends on it runs on the common pool, never on a thread of the
   * engine.
   *
   * @return a new future; of {@link RenderJob} and its like it yields the result
   */
  public java.util.concurrent.CompletableFuture<?> future() {
    return loop.future(this, () -> {
      join();
      return null;
    });
  }

  /**
   * Hands the job's progress to the host: the newest one each time, at most 20 a second, one after the other, the last one when
   * the job has ended.
   *
   * @param executor where the listener runs
   * @param listener told of the progress; what it throws is the executor's to handle
   * @return to stop listening; the job goes on
   */
  public Registration onProgress(java.util.concurrent.Executor executor, java.util.function.Consumer<Progress> listener) {
    return loop.onProgress(this, executor, listener);
  }
%}
%typemap(javaout) tenon::Job { return new Job($jnicall, loop); }
%enddef
%define TENON_JOB(T, NAME, RESULT)
%typemap(javabody_derived) T %{
  private final long swigCPtr;

  NAME(long pointer, Loop loop) {
    super(TenonJNI.NAME##_SWIGUpcast(pointer), loop, false);
    swigCPtr = pointer;
    Native.free(this, pointer, TenonJNI::delete_##NAME);
  }

  static long getCPtr(NAME of) {
    return of == null ? 0 : of.swigCPtr;
  }

  /** {@inheritDoc} It yields {@link #result()}. */
  @Override public java.util.concurrent.CompletableFuture<RESULT> future() {
    return loop.future(this, this::result);
  }
%}
%typemap(javaout) T { return new NAME($jnicall, loop); }
%enddef

%define TENON_ENGINE
%typemap(javabase) tenon::Engine "Handle"
%typemap(javainterfaces) tenon::Engine "AutoCloseable"
%typemap(javaconstruct) tenon::Engine { this($imcall); }
%typemap(javabody) tenon::Engine %{
  private final long swigCPtr;

  private Engine(long pointer) {
    super(new Loop(new Engines.Opened(pointer)));
    swigCPtr = pointer;
    Engines.opened(this, loop.engine);
  }

  static long getCPtr(Engine of) {
    return of == null ? 0 : of.swigCPtr;
  }
%}
%enddef

%typemap(javacode) tenon::EventStream %{
  /**
   * The events as a publisher for one subscriber, which is told on the common pool. They are pulled only as asked for; the
   * queue of the stream stays the only buffer. It completes when the stream or its engine is closed.
   *
   * @return a new publisher
   */
  public java.util.concurrent.Flow.Publisher<Event> publisher() {
    return publisher(Native.BACKGROUND);
  }

  /**
   * The same, told on an executor of the host's choice.
   *
   * @param executor where the subscriber is told
   * @return a new publisher
   */
  public java.util.concurrent.Flow.Publisher<Event> publisher(java.util.concurrent.Executor executor) {
    return new Publishing<>(loop, executor, this::next, number(), watch -> watch.add(this),
        watch -> watch.remove(this));
  }
%}
%typemap(javacode) tenon::LogStream %{
  /**
   * The records as a publisher for one subscriber, which is told on the common pool. It completes when the stream or its engine
   * is closed.
   *
   * @return a new publisher
   */
  public java.util.concurrent.Flow.Publisher<LogRecord> publisher() {
    return publisher(Native.BACKGROUND);
  }

  /**
   * The same, told on an executor of the host's choice.
   *
   * @param executor where the subscriber is told
   * @return a new publisher
   */
  public java.util.concurrent.Flow.Publisher<LogRecord> publisher(java.util.concurrent.Executor executor) {
    return new Publishing<>(loop, executor, this::next, number(), watch -> watch.add(this),
        watch -> watch.remove(this));
  }
%}

// ---- holds: closing returns them, forgetting is told ----
%define TENON_RETURNABLE(T, NAME)
TENON_PROXY_OF_HANDLE(T, NAME, open = Native.freeTold)
%typemap(javainterfaces) T "AutoCloseable"
%typemap(javacode) T %{
  private final java.util.concurrent.atomic.AtomicBoolean open;

  /** Returns what is still held. Does nothing once it was committed or released, or when the engine is closed. */
  @Override public void close() {
    try {
      release();
    } catch (ClosedException gone) {
      open.set(false);
    }
  }
%}
%typemap(javaout) void T::commit, void T::release {
    $jnicall;
    open.set(false);
  }
%enddef

// ---- frames: one after the other, and the memory of their planes ----
// A frame is small to the collector and large to the machine: Native counts.
%define TENON_FRAME
%typemap(javabase) tenon::Frame "Handle"
%typemap(javabody) tenon::Frame %{
  private final long swigCPtr;

  Frame(long pointer, Loop loop) {
    super(loop);
    swigCPtr = pointer;
    Native.freeLarge(this, pointer, size().getCount(), TenonJNI::delete_Frame);
  }

  static long getCPtr(Frame of) {
    return of == null ? 0 : of.swigCPtr;
  }
%}
%typemap(javaout) tenon::Frame { return new Frame($jnicall, loop); }
%enddef
%typemap(javainterfaces) tenon::FrameStream "AutoCloseable, Iterable<Frame>"
%typemap(javacode) tenon::FrameStream %{
  /**
   * The frames that are left, each decoded when it is asked for. There is one sequence: two iterators share it.
   *
   * @return an iterator, which throws what {@link #next()} throws
   */
  @Override public java.util.Iterator<Frame> iterator() {
    return Native.iterator(this::next);
  }
%}
%typemap(jni) const std::uint8_t* "jobject"
%typemap(jtype) const std::uint8_t* "java.nio.ByteBuffer"
%typemap(jstype) const std::uint8_t* "java.nio.ByteBuffer"
%typemap(javaout) const std::uint8_t* { return Native.view($jnicall, this); }
%typemap(out) const std::uint8_t* %{
  $result = jenv->NewDirectByteBuffer(const_cast<std::uint8_t*>($1), static_cast<jlong>(arg1->size())); %}

// ---- what a snapshot holds, as the JDK's streams ----
%typemap(javacode) tenon::BackupFile %{
  /**
   * Its bytes from the beginning to the end. Several streams may read at once; closing one leaves the file open.
   *
   * @return a new stream, which throws what {@link #read(long, long)} throws
   */
  public java.io.InputStream stream() {
    return Streams.of(this);
  }
%}
%typemap(javacode) tenon::BackupStream %{
  /**
   * Begins a file, as a stream to write to. The file is complete with the next one, or with {@link #finish()}.
   *
   * @param path as in {@link #open(String)}
   * @return a stream, which throws what {@link #write(byte[])} throws; flush or close it before the next file and the end
   */
  public java.io.OutputStream file(String path) {
    open(path);
    return Streams.of(this);
  }
%}
%typemap(javacode) tenon::BackupArchive %{
  /**
   * The bytes that are left, for whoever unpacks or stores them. Closing it closes the archive.
   *
   * @return a stream, which throws what {@link #read(long)} throws
   */
  public java.io.InputStream stream() {
    return Streams.of(this);
  }
%}
