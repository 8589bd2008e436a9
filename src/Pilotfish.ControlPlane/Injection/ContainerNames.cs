namespace Pilotfish.ControlPlane.Injection;

/// <summary>Names of the containers that injection adds and orders.</summary>
internal static class ContainerNames
{
    public const string Proxy = "istio-proxy";

    public const string Init = "istio-init";

    /// <summary>Takes the init container's place where the CNI plugin captures: it only checks that the rules are there.</summary>
    public const string Validation = "istio-validation";

    public const string EnableCoreDump = "enable-core-dump";
}
