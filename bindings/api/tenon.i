// The one interface of Java and C#. What differs lies in java.i and csharp.i; what depends on the public types is written by
// proxies.py into proxies.i when the library is built.
#ifdef SWIGJAVA
%module(naturalvar="1", jniclassname="TenonJNI") Tenon
#else
%module(naturalvar="1", imclassname="TenonPInvoke") Library
#endif

%{
#include <tenon/tenon.hpp>
%}

%include "types.i"
#ifdef SWIGJAVA
%include "java.i"
#else
%include "csharp.i"
#endif
%include "proxies.i"
