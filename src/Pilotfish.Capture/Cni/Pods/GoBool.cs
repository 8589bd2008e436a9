namespace Pilotfish.Capture.Cni.Pods;

/// <summary>The texts that Go's ParseBool takes; Istio reads these variables and labels with it.</summary>
internal static class GoBool
{
    public static bool? Parse(string? text) => text switch
    {
        "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
        "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
        _ => null,
    };
}
