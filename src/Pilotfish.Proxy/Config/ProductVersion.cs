using Pilotfish.Api.Names;

namespace Pilotfish.Proxy.Config;

/// <summary>What this program says that it is.</summary>
internal static class ProductVersion
{
    // The version of Envoy whose names, defaults and orders are implemented.
    public const uint EnvoyMajor = 1;
    public const uint EnvoyMinor = 40;
    public const uint EnvoyPatch = 0;

    public static string Own { get; } = BuildInfo.Current.Version;

    /// <summary>In the form of Envoy's version string: revision/version/status/build type/TLS library.</summary>
    public static string Text { get; } =
        $"pilotfish-{Own}/{EnvoyMajor}.{EnvoyMinor}.{EnvoyPatch}/Clean/RELEASE/OpenSSL";
}
