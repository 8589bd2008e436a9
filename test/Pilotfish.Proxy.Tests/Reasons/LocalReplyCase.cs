namespace Pilotfish.Proxy.Tests.Reasons;

/// <summary>One local reply: what a request is answered with, in plain form, and what the access log says of it.</summary>
internal sealed record LocalReplyCase(string Label, int Status, string Body, string Flags, string Details, Action<CauseBench> SetUp)
{
    /// <summary>Whether time must pass.</summary>
    public bool Waits { get; init; }

    /// <summary>Whether the host must have the request before.</summary>
    public bool Arrives { get; init; }

    public (string Name, string Value)? RequestHeader { get; init; }

    /// <summary>A header that the reply has in all forms.</summary>
    public (string Name, string Value)? Header { get; init; }

    public string? AbsentHeader { get; init; }

    /// <summary>What a gRPC client gets where it is not of the HTTP status.</summary>
    public int? GrpcStatus { get; init; }
}
