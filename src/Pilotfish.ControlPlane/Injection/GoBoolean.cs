namespace Pilotfish.ControlPlane.Injection;

/// <summary>Booleans in annotations, in every spelling that Istio takes.</summary>
internal static class GoBoolean
{
    public static bool? Parse(string? text) => text switch
    {
        "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
        "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
        _ => null,
    };
}
