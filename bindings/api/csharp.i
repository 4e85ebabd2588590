// C#: proxies whose memory finalizers free, text as UTF-8, TimeSpan and DateTimeOffset, nullable numbers, IReadOnlyList.
%include <enums.swg>
%csconst(1);

%insert(runtime) %{
#include "csharp.hpp"
%}

%pragma(csharp) imclassclassmodifiers="[global::System.Security.SuppressUnmanagedCodeSecurity]\ninternal class"
%pragma(csharp) moduleclassmodifiers="/// <summary>What belongs to no object.</summary>\npublic static class"
%pragma(csharp) imclasscode=%{
  internal static readonly bool Listening = Faults.Listen();
%}
%pragma(csharp) moduleimports="using System;\nusing System.Collections.Generic;"
%pragma(csharp) imclassimports="using System;\nusing System.Runtime.InteropServices;"

%rename("%(camelcase)s", %$isfunction) "";
%rename("%(camelcase)s", %$isvariable) "";
%rename("%(camelcase)s", %$isenumitem) "";

%exception %{
  try {
    $action
  } catch (const tenon::Error& error) {  // caught as what it is: raise() has to throw it once more to learn that
    SWIG_CSharpSetPendingExceptionTenon(error);
    return $null;
  } catch (...) {
    SWIG_CSharpSetPendingExceptionTenon();
    return $null;
  }
%}

%typemap(csimports) SWIGTYPE, enum SWIGTYPE "using System;\nusing System.Collections.Generic;\nusing System.Runtime.InteropServices;"

// ---- proxies of values ----
// A field that is a struct is a view into the value it belongs to, and keeps that one alive. Nothing is freed but by the
// finalizer: a value needs no Dispose.
%typemap(csbody) SWIGTYPE %{
  private HandleRef swigCPtr;
  private readonly object owner;

  internal $csclassname(IntPtr pointer, object owner) {
    swigCPtr = new HandleRef(this, pointer);
    this.owner = owner;
    if (owner != null) GC.SuppressFinalize(this);
  }

  internal static HandleRef getCPtr($csclassname of) {
    return ReferenceEquals(of, null) ? new HandleRef(null, IntPtr.Zero) : of.swigCPtr;
  }

  /// <summary>Frees what was not a view.</summary>
  ~$csclassname() {
    IntPtr pointer = swigCPtr.Handle;
    swigCPtr = new HandleRef(null, IntPtr.Zero);
    if (owner == null && pointer != IntPtr.Zero) $imclassname.delete_$csclassname(new HandleRef(null, pointer));
  }
%}
%typemap(csinterfaces) SWIGTYPE ""
%typemap(csdispose) SWIGTYPE ""
%typemap(csdispose_derived) SWIGTYPE ""
%typemap(csdisposing) SWIGTYPE ""
%typemap(csdisposing_derived) SWIGTYPE ""
%typemap(csconstruct, excode=SWIGEXCODE) SWIGTYPE %{: this($imcall, null) {$excode
  }
%}
%typemap(csout, excode=SWIGEXCODE) SWIGTYPE {
    $&csclassname made = new $&csclassname($imcall, null);$excode
    return made;
  }
%typemap(csout, excode=SWIGEXCODE) const SWIGTYPE &, SWIGTYPE &, SWIGTYPE * {
    $csclassname made = new $csclassname($imcall, this);$excode
    return made;
  }
%typemap(csvarout, excode=SWIGEXCODE2) const SWIGTYPE &, SWIGTYPE &, SWIGTYPE * %{
    get {
      $csclassname made = new $csclassname($imcall, this);$excode
      return made;
    } %}
%typemap(out) SWIGTYPE %{ $result = tenon_cs::copied(static_cast<const $1_type&>($1)); %}

%typemap(check, canthrow=1) SWIGTYPE *self %{
  if (!$1) {
    SWIG_CSharpSetPendingExceptionClosed();
    return $null;
  }
%}

// Out of a function by value, out of a field by reference: CODE sees it as `given`.
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

// One kind of value: what it is in C#, and how it comes and goes. IM is what crosses.
%define TENON_CROSSING(T, C, IM, CS, TO, FROM)
%typemap(ctype) T, const T& "C"
%typemap(imtype, out="IntPtr") T, const T& "IM"
%typemap(cstype) T, const T& "CS"
%typemap(csin) T, const T& "TO"
%typemap(csout, excode=SWIGEXCODE) T, const T& {
    IntPtr given = $imcall;$excode
    return FROM(given);
  }
%typemap(csvarin, excode=SWIGEXCODE2) T, const T& %{
    set {
      $imcall;$excode
    } %}
%typemap(csvarout, excode=SWIGEXCODE2) T, const T& %{
    get {
      IntPtr given = $imcall;$excode
      return FROM(given);
    } %}
%enddef

%define TENON_READ(T)
%typemap(in, canthrow=1) const T& ($*1_ltype held) %{ if (!tenon_cs::read_one($input, held)) return $null;
  $1 = &held; %}
%enddef

// ---- text and paths ----
TENON_CROSSING(std::string, const void*, byte[], string, Native.Bytes($csinput), Native.Text)
TENON_READ(std::string)
TENON_OUT(std::string, $result = const_cast<void*>(tenon_cs::written(given)))
TENON_CROSSING(std::filesystem::path, const void*, byte[], string, Native.Bytes($csinput), Native.Text)
TENON_READ(std::filesystem::path)
TENON_OUT(std::filesystem::path, $result = const_cast<void*>(tenon_cs::written(given)))
%typemap(ctype, out="void*") std::string, const std::string& "const void*"
%typemap(ctype, out="void*") std::filesystem::path, const std::filesystem::path& "const void*"

// ---- bytes ----
TENON_CROSSING(tenon::Buffer, const void*, byte[], byte[], Native.Sized($csinput), Native.BytesOf)
TENON_READ(tenon::Buffer)
TENON_OUT(tenon::Buffer, $result = const_cast<void*>(tenon_cs::written(given)))
%typemap(ctype, out="void*") tenon::Buffer, const tenon::Buffer& "const void*"

// ---- time ----
%define TENON_COUNT(T, CS, FROM, MAKE)
%typemap(ctype) T, const T& "long long"
%typemap(imtype) T, const T& "long"
%typemap(cstype) T, const T& "CS"
%typemap(csin) T, const T& "Native.Micros($csinput)"
%typemap(csout, excode=SWIGEXCODE) T, const T& {
    long given = $imcall;$excode
    return FROM(given);
  }
%typemap(csvarin, excode=SWIGEXCODE2) T, const T& %{
    set {
      $imcall;$excode
    } %}
%typemap(csvarout, excode=SWIGEXCODE2) T, const T& %{
    get {
      long given = $imcall;$excode
      return FROM(given);
    } %}
%typemap(in) T %{ $1 = MAKE; %}
%typemap(in) const T& ($*1_ltype held) %{ held = MAKE;
  $1 = &held; %}
%enddef
TENON_COUNT(tenon::Duration, TimeSpan, Native.Span, tenon::Duration($input))
TENON_COUNT(tenon::Time, DateTimeOffset, Native.Moment, tenon::Time(tenon::Duration($input)))
TENON_OUT(tenon::Duration, $result = given.count())
TENON_OUT(tenon::Time, $result = given.time_since_epoch().count())

// ---- what may be missing ----
%define TENON_OPTIONAL(T, CS, TO, FROM)
TENON_CROSSING(std::optional<T>, const void*, byte[], CS, TO, FROM)
%typemap(ctype, out="void*") std::optional<T>, const std::optional<T>& "const void*"
%typemap(in, canthrow=1) const std::optional<T>& (std::optional<T> held) %{
  if ($input && !tenon_cs::read_one($input, held.emplace())) return $null;
  $1 = &held; %}
TENON_OUT(std::optional<T>, $result = const_cast<void*>(tenon_cs::written(given)))
%enddef
%define TENON_OPTIONAL_BOOL
TENON_OPTIONAL(bool, bool?, Native.Word($csinput), Native.Bool)
%enddef
%define TENON_OPTIONAL_INT
TENON_OPTIONAL(std::int32_t, int?, Native.Word($csinput), Native.Int)
%enddef
%define TENON_OPTIONAL_LONG
TENON_OPTIONAL(std::int64_t, long?, Native.Word($csinput), Native.Long)
%enddef
%define TENON_OPTIONAL_DOUBLE
TENON_OPTIONAL(double, double?, Native.Word($csinput), Native.Double)
%enddef
%define TENON_OPTIONAL_TIME
TENON_OPTIONAL(tenon::Time, DateTimeOffset?, Native.Word($csinput), Native.MomentOrNull)
%enddef
%define TENON_OPTIONAL_DURATION
TENON_OPTIONAL(tenon::Duration, TimeSpan?, Native.Word($csinput), Native.SpanOrNull)
%enddef
%define TENON_OPTIONAL_TEXT
TENON_OPTIONAL(std::string, string, $csinput == null ? null : Native.Bytes($csinput), Native.Text)
%enddef
%define TENON_OPTIONAL_ENUM(T, NAME)
TENON_OPTIONAL(T, NAME?, Native.Word((long?)$csinput), (NAME?)Native.Long)
%enddef

%define TENON_OPTIONAL_PROXY(T, NAME, MAKE)
%typemap(ctype) std::optional<T>, const std::optional<T>& "void*"
%typemap(imtype, out="IntPtr") std::optional<T>, const std::optional<T>& "HandleRef"
%typemap(cstype) std::optional<T>, const std::optional<T>& "NAME"
%typemap(csin) const std::optional<T>& "NAME.getCPtr($csinput)"
%typemap(csout, excode=SWIGEXCODE) std::optional<T>, const std::optional<T>& {
    IntPtr given = $imcall;$excode
    return given == IntPtr.Zero ? null : new NAME(given, MAKE);
  }
%typemap(csvarin, excode=SWIGEXCODE2) const std::optional<T>& %{
    set {
      $imcall;$excode
    } %}
%typemap(csvarout, excode=SWIGEXCODE2) const std::optional<T>& %{
    get {
      IntPtr given = $imcall;$excode
      return given == IntPtr.Zero ? null : new NAME(given, MAKE);
    } %}
%typemap(in) const std::optional<T>& (std::optional<T> held) %{ if ($input) held = *static_cast<const T*>($input);
  $1 = &held; %}
TENON_OUT(std::optional<T>, $result = tenon_cs::copied(given))
%enddef
%define TENON_OPTIONAL_VALUE(T, NAME)
TENON_OPTIONAL_PROXY(T, NAME, null)
%enddef
%define TENON_OPTIONAL_HANDLE(T, NAME)
TENON_OPTIONAL_PROXY(T, NAME, loop)
%enddef

// ---- lists: copies that cannot be changed out, any list in ----
%define TENON_VECTOR(T, CS, TO, FROM)
TENON_CROSSING(std::vector<T>, const void*, byte[], IReadOnlyList<CS>, TO, FROM)
%typemap(ctype, out="void*") std::vector<T>, const std::vector<T>& "const void*"
%typemap(in, canthrow=1) const std::vector<T>& (std::vector<T> held) %{ if (!tenon_cs::read_list($input, held)) return $null;
  $1 = &held; %}
TENON_OUT(std::vector<T>, $result = const_cast<void*>(tenon_cs::written_list(given)))
%enddef
%define TENON_VECTOR_TEXT
TENON_VECTOR(std::string, string, Native.ListOfText($csinput), Native.Texts)
%enddef
%define TENON_VECTOR_PATH
TENON_VECTOR(std::filesystem::path, string, Native.ListOfText($csinput), Native.Texts)
%enddef
%define TENON_VECTOR_DOUBLE
TENON_VECTOR(double, double, Native.ListOfWords($csinput), Native.Doubles)
%enddef
%define TENON_VECTOR_LONG
TENON_VECTOR(std::int64_t, long, Native.ListOfWords($csinput), Native.Longs)
%enddef
%define TENON_VECTOR_INT
TENON_VECTOR(std::int32_t, int, Native.ListOfWords($csinput), Native.Ints)
%enddef
%define TENON_VECTOR_TIME
TENON_VECTOR(tenon::Time, DateTimeOffset, Native.ListOfWords($csinput), Native.Moments)
%enddef
%define TENON_VECTOR_DURATION
TENON_VECTOR(tenon::Duration, TimeSpan, Native.ListOfWords($csinput), Native.Spans)
%enddef
%define TENON_VECTOR_ENUM(T, NAME)
TENON_VECTOR(T, NAME, Native.ListOfWords($csinput), Native.Enums<NAME>)
%enddef

// The values in a list must outlive the call: the list they were copied to is held until it has returned.
%define TENON_VECTOR_VALUE(T, NAME)
%typemap(ctype, out="void*") std::vector<T>, const std::vector<T>& "const void*"
%typemap(imtype, out="IntPtr") std::vector<T>, const std::vector<T>& "IntPtr[]"
%typemap(cstype) std::vector<T>, const std::vector<T>& "IReadOnlyList<NAME>"
%typemap(csin, pre="    var held$csinput = Native.Copy($csinput, \"$csinput\");", post="      GC.KeepAlive(held$csinput);")
  const std::vector<T>& "Native.Pointers(held$csinput, NAME.getCPtr)"
%typemap(csout, excode=SWIGEXCODE) std::vector<T>, const std::vector<T>& {
    IntPtr given = $imcall;$excode
    return Native.List(given, pointer => new NAME(pointer, null));
  }
%typemap(csvarin, excode=SWIGEXCODE2) const std::vector<T>& %{
    set {
      var heldvalue = Native.Copy(value, "value");
      $imcall;$excode
      GC.KeepAlive(heldvalue);
    } %}
%typemap(csvarout, excode=SWIGEXCODE2) const std::vector<T>& %{
    get {
      IntPtr given = $imcall;$excode
      return Native.List(given, pointer => new NAME(pointer, null));
    } %}
%typemap(in, canthrow=1) const std::vector<T>& (std::vector<T> held) %{ if (!tenon_cs::read_values($input, held)) return $null;
  $1 = &held; %}
TENON_OUT(std::vector<T>, $result = const_cast<void*>(tenon_cs::copies(given)))
%enddef

%define TENON_ID_TYPE(NAME)
%typemap(csinterfaces) tenon::NAME "IComparable<NAME>, IEquatable<NAME>"
%enddef

// ---- handles: they know the loop that their engine's tasks come from ----
%define TENON_HANDLE_OUT(T, NAME)
%typemap(csout, excode=SWIGEXCODE) T {
    IntPtr given = $imcall;$excode
    return new NAME(given, loop);
  }
%enddef
%define TENON_HANDLE(T, NAME)
%typemap(csbase) T "Handle"
%typemap(csbody) T %{
  private HandleRef swigCPtr;

  internal NAME(IntPtr pointer, Loop loop) : base(loop) {
    swigCPtr = new HandleRef(this, pointer);
  }

  internal static HandleRef getCPtr(NAME of) {
    return ReferenceEquals(of, null) ? new HandleRef(null, IntPtr.Zero) : of.swigCPtr;
  }

  internal override void Free() {
    IntPtr pointer = swigCPtr.Handle;
    swigCPtr = new HandleRef(null, IntPtr.Zero);
    if (pointer != IntPtr.Zero) TenonPInvoke.delete_##NAME(new HandleRef(null, pointer));
  }
%}
TENON_HANDLE_OUT(T, NAME)
%enddef
%define TENON_CLOSABLE(T, NAME)
TENON_HANDLE(T, NAME)
%typemap(csinterfaces) T "IDisposable"
%typemap(csdispose) T %{
  /// <summary>Closes it. Doing so again does nothing.</summary>
  public void Dispose() {
    Close();
  }
%}
%enddef

// A job is freed as what it is: its C++ classes have no virtual destructor.
%define TENON_BASE_JOB
TENON_HANDLE(tenon::Job, Job)
%typemap(cscode) tenon::Job %{
  /// <summary>The job's end as a task: it completes when the job has succeeded, and fails with what ended the job.</summary>
  /// <param name="progress">Told of the newest progress, at most 20 times a second; null: nobody.</param>
  /// <param name="token">Cancelling it cancels the job.</param>
  public System.Threading.Tasks.Task AsTask(IProgress<Progress> progress = null, System.Threading.CancellationToken token = default) {
    return loop.Task<object>(this, () => { Join(); return null; }, progress, token);
  }
%}
%enddef
%define TENON_JOB(T, NAME, RESULT)
%typemap(csbody_derived) T %{
  private HandleRef swigCPtr;

  internal NAME(IntPtr pointer, Loop loop) : base(TenonPInvoke.NAME##_SWIGUpcast(pointer), loop) {
    swigCPtr = new HandleRef(this, pointer);
  }

  internal static HandleRef getCPtr(NAME of) {
    return ReferenceEquals(of, null) ? new HandleRef(null, IntPtr.Zero) : of.swigCPtr;
  }

  internal override void Free() {
    IntPtr pointer = swigCPtr.Handle;
    swigCPtr = new HandleRef(null, IntPtr.Zero);
    if (pointer != IntPtr.Zero) TenonPInvoke.delete_##NAME(new HandleRef(null, pointer));
  }

  /// <summary>The job's result as a task, which fails with what ended the job.</summary>
  /// <param name="progress">Told of the newest progress, at most 20 times a second; null: nobody.</param>
  /// <param name="token">Cancelling it cancels the job.</param>
  public new System.Threading.Tasks.Task<RESULT> AsTask(IProgress<Progress> progress = null,
      System.Threading.CancellationToken token = default) {
    return loop.Task<RESULT>(this, Result, progress, token);
  }
%}
TENON_HANDLE_OUT(T, NAME)
%enddef

%define TENON_ENGINE
%typemap(csbase) tenon::Engine "Handle"
%typemap(csinterfaces) tenon::Engine "IDisposable"
%typemap(csdispose) tenon::Engine %{
  /// <summary>Closes the engine. Doing so again does nothing.</summary>
  public void Dispose() {
    Close();
  }
%}
%typemap(csconstruct, excode=SWIGEXCODE) tenon::Engine %{: this(Native.Checked($imcall)) {$excode
  }
%}
%typemap(csbody) tenon::Engine %{
  private HandleRef swigCPtr;

  private Engine(IntPtr pointer) : base(new Loop(new Engines.Opened(pointer))) {
    swigCPtr = new HandleRef(this, pointer);
  }

  internal static HandleRef getCPtr(Engine of) {
    return ReferenceEquals(of, null) ? new HandleRef(null, IntPtr.Zero) : of.swigCPtr;
  }

  internal override void Free() {
    swigCPtr = new HandleRef(null, IntPtr.Zero);
    if (loop != null) loop.Engine.Forgotten();  // null: its constructor threw
  }
%}
%enddef

%define TENON_RETURNABLE(T, NAME)
TENON_HANDLE(T, NAME)
%typemap(csbody) T %{
  private HandleRef swigCPtr;
  private volatile bool open = true;

  internal NAME(IntPtr pointer, Loop loop) : base(loop) {
    swigCPtr = new HandleRef(this, pointer);
  }

  internal static HandleRef getCPtr(NAME of) {
    return ReferenceEquals(of, null) ? new HandleRef(null, IntPtr.Zero) : of.swigCPtr;
  }

  internal override void Free() {
    IntPtr pointer = swigCPtr.Handle;
    swigCPtr = new HandleRef(null, IntPtr.Zero);
    if (pointer == IntPtr.Zero) return;
    if (open) Native.Warn("A NAME was neither committed nor disposed of: what it held is returned.");
    TenonPInvoke.delete_##NAME(new HandleRef(null, pointer));
  }
%}
%typemap(csinterfaces) T "IDisposable"
%typemap(csdispose) T %{
  /// <summary>Returns what is still held. Does nothing once it was committed or released, or when the engine is closed.</summary>
  public void Dispose() {
    try {
      Release();
    } catch (ClosedException) {
      open = false;
    }
  }
%}
%typemap(csout, excode=SWIGEXCODE) void T::commit, void T::release {
    $imcall;$excode
    open = false;
  }
%enddef

// ---- streams ----
%define TENON_STREAM(T, ITEM)
%typemap(cscode) T %{
  /// <summary>The next one as a task; null when the stream or its engine is closed.</summary>
  /// <param name="token">Stops waiting; nothing is lost.</param>
  public System.Threading.Tasks.Task<ITEM> NextAsync(System.Threading.CancellationToken token = default) {
    return loop.Next(Number(), Next, watch => watch.Add(this), token);
  }
%}
%enddef
TENON_STREAM(tenon::EventStream, Event)
TENON_STREAM(tenon::LogStream, LogRecord)

// ---- frames: one after the other, and the memory of their planes ----
// A frame is small to the collector and large to the machine: it is told.
%define TENON_FRAME
TENON_HANDLE(tenon::Frame, Frame)
%typemap(csbody) tenon::Frame %{
  private HandleRef swigCPtr;
  private readonly long weight;

  internal Frame(IntPtr pointer, Loop loop) : base(loop) {
    swigCPtr = new HandleRef(this, pointer);
    weight = Size().Count;
    if (weight > 0) GC.AddMemoryPressure(weight);
  }

  internal static HandleRef getCPtr(Frame of) {
    return ReferenceEquals(of, null) ? new HandleRef(null, IntPtr.Zero) : of.swigCPtr;
  }

  internal override void Free() {
    IntPtr pointer = swigCPtr.Handle;
    swigCPtr = new HandleRef(null, IntPtr.Zero);
    if (pointer != IntPtr.Zero) TenonPInvoke.delete_Frame(new HandleRef(null, pointer));
    if (weight > 0) GC.RemoveMemoryPressure(weight);
  }
%}
%enddef
%typemap(csinterfaces) tenon::FrameStream "IDisposable, IEnumerable<Frame>"
%typemap(csdispose) tenon::FrameStream %{
  /// <summary>Closes it. Doing so again does nothing.</summary>
  public void Dispose() {
    Close();
  }
%}
%typemap(cscode) tenon::FrameStream %{
  /// <summary>The frames that are left, each decoded when it is asked for. There is one sequence: two loops share it.</summary>
  public IEnumerator<Frame> GetEnumerator() {
    for (Frame frame = Next(); frame != null; frame = Next()) yield return frame;
  }

  System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() {
    return GetEnumerator();
  }
%}
%typemap(ctype) const std::uint8_t* "void*"
%typemap(imtype) const std::uint8_t* "IntPtr"
%typemap(cstype) const std::uint8_t* "IntPtr"
%typemap(csout, excode=SWIGEXCODE) const std::uint8_t* {
    IntPtr given = $imcall;$excode
    return given;
  }
%typemap(out) const std::uint8_t* %{ $result = const_cast<std::uint8_t*>($1); %}
%typemap(cscode) tenon::Plane %{
  /// <summary>The memory, without a copy. Read only: the decoder shares it.</summary>
  /// <returns>To be disposed of; until then it keeps the memory.</returns>
  public PlaneView View() {
    return new PlaneView(this, Data(), Stride(), Size());
  }

  /// <summary>Copies the memory, row after row with its stride.</summary>
  /// <param name="target">Has room for Size() bytes.</param>
  public void CopyTo(byte[] target) {
    if (target == null) throw new ArgumentNullException(nameof(target));
    if (target.LongLength < Size()) throw new ArgumentException("has room for " + target.LongLength + " bytes, not " + Size(), nameof(target));
    Marshal.Copy(Data(), target, 0, checked((int)Size()));
    GC.KeepAlive(this);
  }
%}

// ---- what a snapshot holds, as streams ----
%typemap(cscode) tenon::BackupFile %{
  /// <summary>Its bytes, to be read from anywhere. Several streams may read at once; disposing of one leaves the file open.</summary>
  public System.IO.Stream AsStream() {
    return new FileStreaming(this);
  }
%}
%typemap(cscode) tenon::BackupStream %{
  /// <summary>Begins a file, as a stream to write to. The file is complete with the next one, or with Finish: flush or dispose of the stream
  /// before, which leaves the backup open.</summary>
  /// <param name="path">As in Open.</param>
  public System.IO.Stream AsStream(string path) {
    Open(path);
    return new System.IO.BufferedStream(new FileWriting(this), 1 << 20);
  }
%}
%typemap(cscode) tenon::BackupArchive %{
  /// <summary>The bytes that are left. Disposing of it closes the archive.</summary>
  public System.IO.Stream AsStream() {
    return new ArchiveStreaming(this);
  }
%}
