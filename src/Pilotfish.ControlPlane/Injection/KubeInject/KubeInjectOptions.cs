namespace Pilotfish.ControlPlane.Injection.KubeInject;

/// <summary>The flags of `kube-inject`.</summary>
public sealed record KubeInjectOptions
{
    /// <summary>The manifest; `-` for standard input.</summary>
    public string InputFile { get; init; } = "";

    /// <summary>Where the result goes; empty for standard output.</summary>
    public string OutputFile { get; init; } = "";

    public string MeshConfigFile { get; init; } = "";

    public string ValuesFile { get; init; } = "";

    public string InjectConfigFile { get; init; } = "";

    public string OperatorFile { get; init; } = "";

    public string Revision { get; init; } = "";

    /// <summary>Assignments below `values.`, `components.` or `meshConfig.`, as an installation takes them.</summary>
    public IReadOnlyList<string> Settings { get; init; } = [];
}
