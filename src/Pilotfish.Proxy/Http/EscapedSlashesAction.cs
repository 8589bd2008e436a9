namespace Pilotfish.Proxy.Http;

/// <summary>What to do with %2F, %2f, %5C and %5c in a path.</summary>
public enum EscapedSlashesAction : byte
{
    Keep,
    Reject,
    UnescapeAndRedirect,
    UnescapeAndForward,
}
