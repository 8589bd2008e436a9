namespace Pilotfish.ControlPlane.Xds;

/// <summary>What one stream asked for of one type, what it was sent and what it said to that. Owned by the stream's loop.</summary>
internal sealed class Subscription(string typeUrl, bool wildcard)
{
    public string TypeUrl { get; } = typeUrl;

    public bool Wildcard { get; } = wildcard;

    /// <summary>Names asked for; empty for wildcard types.</summary>
    public HashSet<string> Names { get; } = new(StringComparer.Ordinal);

    /// <summary>Name to version of everything that the client holds, as far as we know.</summary>
    public Dictionary<string, string> Sent { get; } = new(StringComparer.Ordinal);

    public string NonceSent { get; set; } = "";

    public string NonceAcked { get; set; } = "";

    /// <summary>The last rejection, until the next acceptance.</summary>
    public string? LastError { get; set; }
}
