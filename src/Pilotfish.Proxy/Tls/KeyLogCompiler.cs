using Envoy.Extensions.TransportSockets.Tls.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tls;

/// <summary>Compiles key_log: a file of session keys, for chosen addresses. The file is shared with all who name it. Main loop.</summary>
internal static class KeyLogCompiler
{
    /// <summary>Null when there is none, when the engine cannot, and when configuration is only checked.</summary>
    public static SessionKeyLog? Compile(CommonTlsContext common, string field, CompileContext context)
    {
        if (common.KeyLog is not { } log)
        {
            return null;
        }

        string at = field + ".key_log";
        if (log.Path.Length == 0)
        {
            throw new ConfigRejectedException(at + ".path", "it is empty");
        }

        AddressRanges local = AddressRanges.Compile(log.LocalAddressRange, at + ".local_address_range");
        AddressRanges remote = AddressRanges.Compile(log.RemoteAddressRange, at + ".remote_address_range");
        bool anyLocal = log.LocalAddressRange.Count == 0;
        bool anyRemote = log.RemoteAddressRange.Count == 0;
        if (!TlsEngines.HeedsParameters)
        {
            context.Warnings.Warn($"{at}: SslStream tells no keys; none are written");
            return null;
        }

        return context.AccessLogs?.Files.Open(log.Path, at + ".path").Writer is { } writer
            ? new SessionKeyLog(writer, (here, there) => (anyLocal || Covers(local, here)) && (anyRemote || Covers(remote, there)))
            : null;
    }

    private static bool Covers(AddressRanges ranges, NetAddress address) => ranges.Contains(address.Unmap());
}
