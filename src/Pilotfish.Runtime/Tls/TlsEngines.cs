using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Interop;

namespace Pilotfish.Runtime.Tls;

/// <summary>Chooses the engine: libssl where it can be loaded, else SslStream. Any thread; looked for at the first TLS context.</summary>
public static class TlsEngines
{
    private static readonly Lazy<TlsEngine> s_found = new(Find);

    /// <summary>Taken in place of what would be found; for tests and comparisons, set before the first handshake.</summary>
    public static TlsEngine Default { get; set; }

    /// <summary>Whether groups, signature schemes and ticket keys of a configuration are heeded.</summary>
    public static bool HeedsParameters => Resolve(TlsEngine.Automatic) == TlsEngine.Libssl;

    /// <summary>Looks for the library now, so that the log says at the start, and not at the first handshake, that it is missing.</summary>
    public static void Prepare() => Resolve(TlsEngine.Automatic);

    internal static TlsEngine Resolve(TlsEngine asked) => asked != TlsEngine.Automatic ? asked
        : Default != TlsEngine.Automatic ? Default
        : s_found.Value;

    private static TlsEngine Find()
    {
        if (OpenSslLibrary.Problem is not { } problem)
        {
            return TlsEngine.Libssl;
        }

        Log.Warning(LogComponent.Connection, $"TLS runs on SslStream, which costs more: {problem}");
        return TlsEngine.SslStream;
    }
}
