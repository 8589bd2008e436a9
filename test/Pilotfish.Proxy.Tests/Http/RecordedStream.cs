namespace Pilotfish.Proxy.Tests.Http;

/// <summary>Facts of one finished request.</summary>
internal sealed record RecordedStream(int Status, string Details, string Flags, int Attempts, long BytesReceived, long BytesSent);
