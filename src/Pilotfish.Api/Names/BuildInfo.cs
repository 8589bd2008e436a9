using System.Reflection;
using System.Runtime.InteropServices;

namespace Pilotfish.Api.Names;

/// <summary>
/// What this program says that it is, in the terms of Istio's tools (istio: pkg/version/version.go). The version has one place,
/// `Version` in Directory.Build.props; the revision is the commit that the executable was built from.
/// </summary>
/// <param name="Version">For instance 0.1.0.</param>
/// <param name="Revision">A commit, or <see cref="Unknown"/> for a build outside of a repository.</param>
/// <param name="Runtime">Stands in the field that Istio calls golang_version.</param>
/// <param name="Status">Whether the sources were those of the commit; nothing here looks, so it is <see cref="Unknown"/>.</param>
public sealed record BuildInfo(string Version, string Revision, string Runtime, string Status)
{
    public const string Unknown = "unknown";

    private const char RevisionMark = '+';

    /// <summary>Of this executable.</summary>
    public static BuildInfo Current { get; } = Of(
        Assembly.GetEntryAssembly()?.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion);

    /// <summary>As `/version` of a control plane gives it, and istioctl takes it apart again: VERSION-REVISION-STATUS.</summary>
    public string OneLine => $"{Version}-{Revision}-{Status}";

    // Internal for testing.
    /// <param name="informational">VERSION, or VERSION+COMMIT.</param>
    internal static BuildInfo Of(string? informational)
    {
        string[] parts = (informational ?? string.Empty).Split(RevisionMark, 2);
        string version = parts[0].Length > 0
            ? parts[0]
            : typeof(BuildInfo).Assembly.GetName().Version?.ToString(3) ?? Unknown;
        return new BuildInfo(version, parts.Length > 1 ? parts[1] : Unknown, RuntimeInformation.FrameworkDescription, Unknown);
    }

    /// <summary>The reverse of <see cref="OneLine"/>; what has another form is a version alone.</summary>
    public static BuildInfo Parse(string oneLine)
    {
        string[] parts = oneLine.Trim().Split('-');
        return parts.Length < 3
            ? new BuildInfo(oneLine.Trim(), string.Empty, string.Empty, string.Empty)
            : new BuildInfo(string.Join('-', parts[..^2]), parts[^2], string.Empty, parts[^1]);
    }
}
