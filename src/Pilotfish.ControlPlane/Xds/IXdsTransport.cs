namespace Pilotfish.ControlPlane.Xds;

/// <summary>One stream's wire: delta or state-of-the-world.</summary>
internal interface IXdsTransport
{
    /// <summary>False: every response of a wildcard type holds its whole set, and removal is absence.</summary>
    bool IsIncremental { get; }

    /// <summary>The next request, or null when the client ended the stream.</summary>
    Task<XdsRequest?> ReadAsync(CancellationToken cancellation);

    Task WriteAsync(XdsResponse response, CancellationToken cancellation);
}
