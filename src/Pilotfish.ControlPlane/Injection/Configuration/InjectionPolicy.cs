namespace Pilotfish.ControlPlane.Injection.Configuration;

/// <summary>What happens to pods that say nothing themselves.</summary>
public enum InjectionPolicy
{
    Enabled,
    Disabled,

    /// <summary>The configuration holds another word: nothing is injected, not even on request.</summary>
    Invalid,
}
