"""The actions of HARDVS by label, as `HARDVS_300_class.txt` of its authors names them, without their numbers."""

_NAMES = """
L type clamp back
wink_ Blink an eye
W type clamp back
YTW Rowing Action
Three Step Run
Upper and Lower Swing Arms
9th set of broadcast gymnastics stretching exercises
9th set of broadcast gymnastics side movements
9th set of broadcast gymnastics full body exercise
9th set of broadcast gymnastics chest expansion exercise
9th set of broadcast gymnastics organizing exercises
9th set of broadcast gymnastics jump sports
9th set of broadcast gymnastics kicking exercises
Alternate Front Kick
Alternate Knee Kick to Tip
Alternate Front Kick Jump
Alternate Knee Lift
Alternating Knee Strike
Stretch
Head down to play with phone
Body flexion and rotation
Body Rotation Movement
Side Lift
Side Lift Swivel Arm
Side Lunge Squat
Bow Side Flat Lift
Bow Rowing Action
Bow Straight Arm Rowing
Pouring Water
Make gestures
Make a Face
eavesdropping action
Vigorous Jump
Cutting Vegetables
Scratch Fist
Brushing teeth
Front Fold
Front and rear foot pads
Forward and backward sliding steps
Cutting Nails
Eye Makeup
One handed cheek support
Single Leg Jump
Single Knee Squat
Volume Data Cable
Press stapler
In Place Wide Distance Run
In Place Hip Kick
Jumping Rope in Place
Step in Place
Cross your waist and raise your fist
Cross waist punch
Cross waist circle eyes
Cross legged Spreading Hands
Cross your waist and touch your ears
Holding cheeks with both hands
Stacking Paper
Folding Clothes
Folding Quilt
Percussion
Right swag
Right Shoulder Stretch
Right humeral triple extension
Right Back Stretch
Right Neck Stretch
Right single swing arm
Right thigh front stretch
Right calf stretch
Right Lunge Twist Stretch
Right Bend
Raise hand with right hand
Right hand raised
Right Hand Circle
Cover the top of the head with the right hand
Right Oblique Pull Down Half Squat
Right Waist Stretch
Right Leg Back Pressure
Right iliopsoas muscle stretch
Eating
Same Hand, Same Foot
Tongue sticking out
Shout
Biting Lips
Drinking Water
Spray Flower Grass
hiss action
Sitting on a stool and rotating in circles
Ear blocking
Thigh Inner Stretch
Head to Head Comparison
Oligo
Learn Cat Beard
Leg bending side sitting
Left swag
Left Shoulder Stretch
Left humeral triple extension
Left Back Stretch
Left Neck Stretch
Left Front Thigh Stretch
Left single swing arm
Left calf stretch
Left Bow Step Twist Stretch
Left Bend
Raise hand with left hand
Left hand raised
Left hand circle
Cover the top of the head with the left hand
Left Oblique Pull Down Half Squat
Left Waist Stretch
Left leg pressed backwards
Left iliopsoas muscle stretching
with phone case
Rolling on Bed
Opening and closing the door
Opening and closing steps
jumping jack
Open Hands and Cross Legs
Bend down and walk
Bare Hand Squat
Bare Hand Hard Pull Boat Action
Wandering and Pacing
Wear a mask
Wear a hat
Wear glasses
Fan
Gesture Compared to Heart
Touch Shoulder
Wrist band
Arm Cross
Arm Circle
Tie Hair
Strike Ten Step Fist
Snap Fingers
Sneezing
Playing Tai Chi
Making a phone call
Playing Long Fist
Throw Throw Pillow
Throw Bottle
Throw paper plane
Chest Expansion
Sweeping the floor
Twist waist
Arm Press Down
Pulse Detection
Grab Hair
Scratch your ears and cheeks
Shooting action
Surrender
Shake Legs
Shake clothes
Raise Hands and Support Face
Head hugging
Wipe the Neck
Smoking
Pull Bag Zipper
Pull the curtains
Take a Card
Taking Scenery
Weeding
Floor mopping
Twist Cup Cover
Arched Hand Gift
Collate Building Blocks
Press the temple wheel to scrape the eye socket
Sidebag
Scratching
Block the Sun
Wave
Fist
Cover Ears
Hammering the Table
Beat Back
Chest Beating
Beating Legs
Pull Out Ears
Pinch waist
Pushing the wall to accelerate running
Push Pull Luggage
Cart
Shoulder Lift
Knee Lift
Heel lifting
Handshake
clench your fist and start running
Rubbing Hands for Heating
Moving a chair
Wave Hands and Lift Legs
Shake your head
Shake Tree
Flower Shaker
Paper Throwing Cannon
Remove glasses
Touch chin
Touch the back of the head
Touch Ear Clip Back
Touch the neck and tilt the head
Touch waist and clip back
Touch the forehead
Touch the Nose
Umbrella Support
Tearing Paper
Wipe Cup
Clean the Table
Glasses wiping
Hip Up Kick Jump
Salute
Knock Calculator
Keyboard tapping
Knock on the door
Mummy Jump
Comb Hair
Chair Split Leg Press
Chair frame left leg press
Skew Head Biye
Twist your neck and touch your head
Bi Xin
Dishwashing
Wash Face
Washing Vegetables
Washing clothes
Measure distance
Applying Lipstick
Deep Squat
Slide Jump Shot
Nod
Like
Warm Up Relaxation Jump
Guessing Fists
Play Double Step
Playing the Spacewalk
Playing Windmills
Paper stapling with stapler
Hands off
Draw
Eye Care Exercise
Hard Pull Swing
Wearing clothes
Wearing shoes
Standing Long Jump
Vertical Middle Finger
Standing Right Leg Lift
Standing Right Rear Leg Lift
Standing Left Leg Lift
Standing Left Rear Leg Lift
Standing Elbow Knee Rotation
Standing Jump Transformation
Standing Twist
Standing Hip Circle
Standing Touch Toe
Simplified Tai Chi Cloud Hand
Simplified Tai Chi Inverted Arm
Simplified Tai Chi Twin Peaks Through Ears
Simplified Tai Chi Right Kick
Simplified Tai Chi as if sealed off
Simplified Tai Chi Left Right Shuttle
Simplified Tai Chi Tower Knee Depression Step
Simplified Tai Chi Sea Bottom Needle
Simplified Tai Chi White Crane Spreads Wings
Simplified Tai Chi Turn Left Kick
Simplified Tai Chi Turning Move Block Hammer
Simplified Tai Chi Wild Horse Split Mane
Arrow Squat
Arrow Squat Kick
Arrow Squat Knee Lift
Arrow Squat Jump
Tie Rope
Combination Recommendation
Cross legged Penguin
Cross your legs and cover your eyes
Flip Book
Draw Circle at Elbow
Shoulder Wrap
Chest Stretch
Knee joint surround
Hip Kick Jump
selfie
Kangaroo Shake
Take a step forward
Lie on the table
Running
Stamping feet
Kicking
Kicking Trees
Jump
Transfer pen
Continuous Right Knee Strike
Continuous Left Knee Strike
Cover the Eyes and Lift the Legs
Arnold Recommendation
Bow
Air Kiss
Riding a bicycle
High Leg Lift
Duck Step
Applause
Bulging cheeks
Mobile Card 1
Mobile Card 2
Mobile Card 3
"""
CLASSES = tuple(_NAMES.strip().splitlines())
