using System.Reflection;
using Mosaik.Groups;

namespace Mosaik.Simulation.Mutants;

/// <summary>
/// Switches one planted bug on for the calling thread. Only builds of a planted copy have the type behind it
/// (<see cref="Planter.SwitchSource"/>); the shipped source knows nothing of it.
/// </summary>
internal sealed class PlantedSwitch
{
    private readonly Action<int, long> _select;
    private readonly Func<long> _hits;

    private PlantedSwitch(Type type)
    {
        _select = type.GetMethod("Select", BindingFlags.Public | BindingFlags.Static)!
            .CreateDelegate<Action<int, long>>();
        _hits = type.GetMethod("Hits", BindingFlags.Public | BindingFlags.Static)!.CreateDelegate<Func<long>>();
    }

    /// <summary>How often the changed code ran since it was selected, on this thread.</summary>
    public long Hits => _hits();

    /// <summary>The switch of this build; null when nothing is planted.</summary>
    public static PlantedSwitch? Find() =>
        typeof(Group<,,>).Assembly.GetType(Planter.SwitchType) is { } type ? new PlantedSwitch(type) : null;

    /// <summary>Selects a bug; 0 = none.</summary>
    /// <param name="number">Its number.</param>
    /// <param name="mostUses">How often planted places may be passed before the run counts as endless.</param>
    public void Select(int number, long mostUses) => _select(number, mostUses);
}
