namespace Pilotfish.Proxy.Http2;

/// <summary>One entry of a SETTINGS frame (RFC 9113 section 6.5.1).</summary>
internal readonly record struct Http2Setting(ushort Id, uint Value);
