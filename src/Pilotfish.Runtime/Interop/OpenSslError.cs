namespace Pilotfish.Runtime.Interop;

/// <summary>An entry of OpenSSL's error queue: its packed code and the reason in the library's words.</summary>
internal readonly record struct OpenSslError(ulong Code, string Text);
