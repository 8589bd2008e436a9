using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Where operators read their facts from.</summary>
internal readonly record struct FormatSource(StreamInfo Info, AccessLogType Type);
