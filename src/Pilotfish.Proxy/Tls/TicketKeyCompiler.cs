using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Listeners;
using Pilotfish.Proxy.Network;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tls;

/// <summary>Compiles a server's session_ticket_keys: inline, from files that are watched, static or over SDS. Main loop.</summary>
internal static class TicketKeyCompiler
{
    private const string StaticField = "session_ticket_keys";

    /// <summary>Null when the configuration names none, or the engine has its own only.</summary>
    public static TlsTicketKeys? Compile(DownstreamTlsContext message, string field, NetworkFilterContext context)
    {
        if (message.SessionTicketKeysTypeCase is not (DownstreamTlsContext.SessionTicketKeysTypeOneofCase.SessionTicketKeys
            or DownstreamTlsContext.SessionTicketKeysTypeOneofCase.SessionTicketKeysSdsSecretConfig))
        {
            return null;
        }

        // Where the engine has its own only, what is written is checked all the same.
        bool heeds = TlsEngines.HeedsParameters;
        if (!heeds)
        {
            context.Config.Warnings.Add(
                $"{field}.session_ticket_keys: this process's own keys are used; sessions of other processes are negotiated in full");
        }

        var keys = new TlsTicketKeys();
        var files = new SecretFiles(context.Config.Workers.MainLoop);
        context.Owned.Add(files);
        if (message.SessionTicketKeys is { } inline)
        {
            Load(inline, field + ".session_ticket_keys");
            return heeds ? keys : null;
        }

        SdsSecretConfig sds = message.SessionTicketKeysSdsSecretConfig;
        string at = field + ".session_ticket_keys_sds_secret_config";
        if (sds.SdsConfig is null)
        {
            Secret secret = context.Config.StaticSecrets.GetValueOrDefault(sds.Name)
                ?? throw new ConfigRejectedException(at, $"Unknown static secret '{sds.Name}'");
            Load(KeysOf(secret), at);
            return heeds ? keys : null;
        }

        if (!heeds)
        {
            return null;
        }

        Warming.Target target = context.Warming.Add("secret " + sds.Name);
        var subscription = new SecretSubscription(secret => Load(KeysOf(secret), StaticField)) { OnKnown = target.Ready };
        context.Owned.Add(subscription);
        subscription.Start(context.Config.Subscriptions, sds);
        return keys;

        void Load(TlsSessionTicketKeys given, string where) => files.Load(() => keys.Set(Read(given, where)), null, [.. given.Keys]);
    }

    private static TlsSessionTicketKeys KeysOf(Secret secret) => secret.SessionTicketKeys
        ?? throw new ConfigRejectedException(StaticField, $"secret '{secret.Name}' holds no session ticket keys");

    private static List<byte[]> Read(TlsSessionTicketKeys given, string field)
    {
        var keys = new List<byte[]>();
        foreach (DataSource source in given.Keys)
        {
            byte[] key = DataSources.ReadBytes(source, $"{field}.keys[{keys.Count}]");
            keys.Add(key.Length == TlsTicketKeys.KeyBytes
                ? key
                : throw new ConfigRejectedException(
                    $"{field}.keys[{keys.Count}]", $"it has {key.Length} bytes; a session ticket key has {TlsTicketKeys.KeyBytes}"));
        }

        return keys.Count > 0 ? keys : throw new ConfigRejectedException(field + ".keys", "there is no key");
    }
}
